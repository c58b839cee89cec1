// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/core/simdjson.hpp"
#include "blip/train/capfilt_report.hpp"
#include "blip/train/run_log.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

// The members of capfilt_texts by their names in JSON, once for both directions.
struct capfilt_number {
  const char* name;
  std::uint64_t capfilt_texts::*value;
};
inline constexpr std::array<capfilt_number, 5> capfilt_numbers{{{"seen", &capfilt_texts::seen},
                                                                {"empty", &capfilt_texts::empty},
                                                                {"duplicate", &capfilt_texts::duplicate},
                                                                {"kept", &capfilt_texts::kept},
                                                                {"dropped", &capfilt_texts::dropped}}};
struct capfilt_list {
  const char* name;
  std::vector<capfilt_example> capfilt_texts::*value;
};
inline constexpr std::array<capfilt_list, 4> capfilt_lists{{{"surest_kept", &capfilt_texts::surest_kept},
                                                            {"surest_dropped", &capfilt_texts::surest_dropped},
                                                            {"random_kept", &capfilt_texts::random_kept},
                                                            {"random_dropped", &capfilt_texts::random_dropped}}};

inline void append_json(std::string& out, const capfilt_example& e) {
  out += "{\"sample\":" + std::to_string(e.sample) + ",\"number\":" + std::to_string(e.number) + ",\"image\":";
  append_json_string(out, e.image), out += ",\"caption\":", append_json_string(out, e.caption);
  out += ",\"itm_probability\":", append_probability(out, e.itm_probability), out += '}';
}

inline void append_json(std::string& out, const capfilt_texts& t) {
  out += '{';
  for (const auto& n : capfilt_numbers) out += "\"" + std::string(n.name) + "\":" + std::to_string(t.*n.value) + ",";
  out += "\"noise_ratio\":", append_json_number(out, t.noise_ratio());
  out += ",\"histogram\":[";
  for (std::size_t i = 0; i < t.histogram.size(); ++i) out += (i > 0 ? "," : "") + std::to_string(t.histogram[i]);
  out += ']';
  for (const auto& list : capfilt_lists) {
    out += ",\"" + std::string(list.name) + "\":[";
    for (const capfilt_example& e : t.*list.value) {
      if (out.back() != '[') out += ',';
      append_json(out, e);
    }
    out += ']';
  }
  out += '}';
}

}  // namespace detail

// A report as one JSON object, its members in a fixed order.
inline std::string to_json(const capfilt_report& r) {
  std::string out = "{\"total\":" + std::to_string(r.total) + ",\"samples\":" + std::to_string(r.samples) +
                    ",\"lines\":" + std::to_string(r.lines) + ",\"skipped\":{";
  for (const auto& [cause, count] : r.skipped) {
    if (out.back() != '{') out += ',';
    detail::append_json_string(out, cause), out += ':', out += std::to_string(count);
  }
  for (const text_source s : {text_source::web, text_source::synthetic}) {
    out += s == text_source::web ? "},\"" : ",\"";
    out += text_source_names[static_cast<std::size_t>(s)], out += "\":";
    detail::append_json(out, r.of(s));
  }
  return out += '}';
}

namespace detail {

// The way back; `path` is for messages. Throws format_error.
inline capfilt_report parse_capfilt_report(const std::string& path, simdjson::dom::object top) {
  const auto take = [&](simdjson::dom::object from, const char* key, auto& to) {
    if (from[key].get(to) != simdjson::SUCCESS)
      throw format_error(
          {path + ": not the record of a run of capfilt", std::string("a usable \"") + key + "\"", "none", {}});
  };
  capfilt_report r;
  simdjson::dom::object causes;
  take(top, "total", r.total), take(top, "samples", r.samples), take(top, "lines", r.lines),
      take(top, "skipped", causes);
  for (const auto [cause, n] : causes)
    if (n.get(r.skipped[std::string(cause)]) != simdjson::SUCCESS)
      throw format_error({path + ": samples skipped", "whole numbers", "something else", {}});
  for (const text_source s : {text_source::web, text_source::synthetic}) {
    capfilt_texts& t = r.of(s);
    simdjson::dom::object texts;
    simdjson::dom::array bins;
    take(top, text_source_names[static_cast<std::size_t>(s)].data(), texts), take(texts, "histogram", bins);
    for (const auto& n : capfilt_numbers) take(texts, n.name, t.*n.value);
    std::size_t bin = 0;
    for (const auto value : bins)
      if (bin >= t.histogram.size() || value.get(t.histogram[bin++]) != simdjson::SUCCESS) bin = t.histogram.size() + 1;
    if (bin != t.histogram.size())
      throw format_error({path + ": a histogram", std::to_string(t.histogram.size()) + " whole numbers", "others", {}});
    for (const auto& list : capfilt_lists) {
      simdjson::dom::array examples;
      take(texts, list.name, examples);
      for (const auto item : examples) {
        simdjson::dom::object o;
        std::string_view image, caption;
        std::uint64_t number = 0;
        double p = 0;
        capfilt_example e;
        if (item.get(o) != simdjson::SUCCESS)
          throw format_error({path + ": an example", "a JSON object", "something else", {}});
        take(o, "sample", e.sample), take(o, "number", number), take(o, "image", image), take(o, "caption", caption);
        e.number = static_cast<std::uint32_t>(number), e.image = image, e.caption = caption;
        if (!o["itm_probability"].is_null()) take(o, "itm_probability", p), e.itm_probability = static_cast<float>(p);
        (t.*list.value).push_back(std::move(e));
      }
    }
  }
  return r;
}

}  // namespace detail

}  // namespace blip::inline BLIP_ABI
