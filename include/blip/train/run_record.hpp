// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "blip/core/error.hpp"
#include "blip/core/limits.hpp"
#include "blip/core/one_line.hpp"
#include "blip/core/simdjson.hpp"
#include "blip/train/run_log.hpp"

namespace blip::inline BLIP_ABI {

// What must not change while a run lasts, by name: {"clip", "1"}.
using run_facts = std::map<std::string, std::string>;

// Throws config_error for the first fact that both know and that differs; one that only one side knows is no reason.
inline void require_same_facts(const std::string& run, const run_facts& saved, const run_facts& now) {
  for (const auto& [name, value] : now)
    if (const auto at = saved.find(name); at != saved.end() && at->second != value)
      throw config_error({run + ": the run was begun with another " + name, at->second, value,
                          "go on with the options it was begun with, or start a run in another folder"});
}

struct best_metric {
  double value = 0;
  std::int64_t step = 0;
};

// What a checkpoint says of the run besides its memory: where it stands and under which options it got there.
struct run_record {
  static constexpr const char* file_name = "run.json";

  std::int64_t step = 0;     // batches taken, skipped ones included: the position in data of numbered steps
  std::int64_t updates = 0;  // steps that counted; schedules and random numbers go by them
  int skipped_in_a_row = 0;
  bool average_due = true;  // see training_state
  std::string data{};       // the position of a resumable_source
  std::optional<best_metric> best{};
  run_facts facts{};
};

namespace detail {

inline std::string to_text(const run_record& r) {
  std::string text = "{\"step\":" + std::to_string(r.step) + ",\"updates\":" + std::to_string(r.updates) +
                     ",\"skipped_in_a_row\":" + std::to_string(r.skipped_in_a_row) +
                     ",\"average_due\":" + (r.average_due ? "true" : "false") + ",\"data\":";
  append_json_string(text, r.data);
  if (r.best) {
    text += ",\"best\":";
    append_json_number(text, r.best->value);
    text += ",\"best_step\":" + std::to_string(r.best->step);
  }
  text += ",\"facts\":{";
  for (const auto& [name, value] : r.facts) {
    if (text.back() != '{') text += ',';
    append_json_string(text, name), text += ':', append_json_string(text, value);
  }
  return text + "}}\n";
}

// The way back; `path` is for messages. Throws format_error.
inline run_record parse_run_record(const std::string& path, std::string_view text, const limits& bounds = {}) {
  const auto take = [&](simdjson::dom::object from, const char* key, auto& to) {
    if (from[key].get(to) != simdjson::SUCCESS)
      throw format_error({path + ": not the record of a run", std::string("a usable \"") + key + "\"", "none", {}});
  };
  simdjson::dom::parser parser;
  if (parser.allocate(text.size(), static_cast<std::size_t>(bounds.json_depth)) != simdjson::SUCCESS)
    throw std::bad_alloc();
  simdjson::dom::object top, facts;
  if (parser.parse(text.data(), text.size()).get(top) != simdjson::SUCCESS)
    throw format_error({path + ": not the record of a run", "a JSON object", "something else", {}});
  run_record r;
  std::int64_t skipped = 0;
  std::string_view data;
  take(top, "step", r.step), take(top, "updates", r.updates), take(top, "skipped_in_a_row", skipped);
  take(top, "average_due", r.average_due), take(top, "data", data), take(top, "facts", facts);
  r.skipped_in_a_row = static_cast<int>(skipped);
  r.data = data;
  if (top["best"].error() == simdjson::SUCCESS) {
    r.best.emplace();
    take(top, "best", r.best->value), take(top, "best_step", r.best->step);
  }
  for (const auto [name, value] : facts) {
    std::string_view v;
    if (value.get(v) != simdjson::SUCCESS)
      throw format_error({path + ": the fact \"" + one_line(name) + "\"", "text", "something else", {}});
    r.facts.emplace(name, v);
  }
  return r;
}

}  // namespace detail

}  // namespace blip::inline BLIP_ABI
