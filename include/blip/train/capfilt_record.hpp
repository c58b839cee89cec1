// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "blip/core/error.hpp"
#include "blip/core/limits.hpp"
#include "blip/core/simdjson.hpp"
#include "blip/train/capfilt_report.hpp"
#include "blip/train/capfilt_report_json.hpp"
#include "blip/train/checkpoint_manifest.hpp"
#include "blip/train/run_record.hpp"

namespace blip::inline BLIP_ABI::detail {

// What stands beside an output: how much of it is sound, and how that came about. As text, JSON whose last member is
// the CRC-32C of all that stands before it.
struct capfilt_record {
  bool finished = false;
  std::uint64_t bytes = 0;
  std::uint32_t crc = 0;  // CRC-32C of these bytes
  run_facts facts{};
  capfilt_report report{};
};

inline std::string to_text(const capfilt_record& r) {
  std::string text = std::string("{\"format\":1,\"finished\":") + (r.finished ? "true" : "false") +
                     ",\"bytes\":" + std::to_string(r.bytes) + ",\"output_crc32c\":" + std::to_string(r.crc) +
                     ",\"facts\":{";
  for (const auto& [name, value] : r.facts) {
    if (text.back() != '{') text += ',';
    append_json_string(text, name), text += ':', append_json_string(text, value);
  }
  text += "},\"report\":" + to_json(r.report);
  return text + manifest_end(text);
}

// The way back; `path` is for messages. Throws format_error.
inline capfilt_record parse_capfilt_record(const std::string& path, const std::string& text, const limits& bounds) {
  const auto fail = [&](const char* expected) {
    throw format_error({path + ": the record of a run of capfilt is damaged", expected, "something else",
                        "have the output replaced, or choose another one"});
  };
  const auto comma = text.find_last_of(',');
  const std::string_view body = std::string_view(text).substr(0, comma == std::string::npos ? 0 : comma);
  if (text.substr(body.size()) != manifest_end(body)) fail("its CRC-32C at the end");
  simdjson::dom::parser parser;
  if (parser.allocate(text.size(), static_cast<std::size_t>(bounds.json_depth)) != simdjson::SUCCESS)
    throw std::bad_alloc();
  simdjson::dom::object top, facts, report;
  std::uint64_t format = 0, crc = 0;
  capfilt_record r;
  if (parser.parse(text).get(top) != simdjson::SUCCESS) fail("a JSON object");
  if (top["format"].get(format) != simdjson::SUCCESS || format != 1) fail("format 1");
  if (top["finished"].get(r.finished) != simdjson::SUCCESS || top["bytes"].get(r.bytes) != simdjson::SUCCESS ||
      top["output_crc32c"].get(crc) != simdjson::SUCCESS || top["facts"].get(facts) != simdjson::SUCCESS ||
      top["report"].get(report) != simdjson::SUCCESS)
    fail("how much is done, facts, a report");
  r.crc = static_cast<std::uint32_t>(crc);
  for (const auto [name, value] : facts) {
    std::string_view v;
    if (value.get(v) != simdjson::SUCCESS) fail("facts as text");
    r.facts.emplace(name, v);
  }
  r.report = parse_capfilt_report(path, report);
  if (r.report.samples > r.report.total || (r.finished && !r.report.finished())) fail("no more samples than there are");
  return r;
}

}  // namespace blip::inline BLIP_ABI::detail
