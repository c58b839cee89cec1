// SPDX-License-Identifier: Apache-2.0
#pragma once

// Golden cases that hold one JSON object per line.
#include <simdjson.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace golden {

// True when the case is there; a clone holds a part of the cases, and says which tests it skips.
inline bool has_case(const std::string& name) {
  const bool there = std::filesystem::exists(std::string(BLIP_GOLDEN_DIR) + "/" + name);
  if (!there) WARN("skipped: no golden case " << name << "; BLIP_GOLDEN_DIR names a folder with all");
  return there;
}

// Calls f(object) for every line of a file of the golden folder.
template <class F>
void each_line(const std::string& name, F f) {
  simdjson::dom::parser parser;
  simdjson::dom::document_stream lines;
  REQUIRE(parser.load_many(std::string(BLIP_GOLDEN_DIR) + "/" + name, 1u << 20).get(lines) == simdjson::SUCCESS);
  std::size_t compared = 0;
  for (auto line : lines) {
    INFO(name << ", line " << compared);
    simdjson::dom::element object;
    REQUIRE(line.get(object) == simdjson::SUCCESS);
    f(object);
    ++compared;
  }
  CHECK(compared > 0);
}

inline std::string text_at(simdjson::dom::element line, const char* key) {
  return std::string(line[key].get_string().value());
}
inline std::vector<int> ints(simdjson::dom::element list) {
  std::vector<int> out;
  for (const auto v : simdjson::dom::array(list)) out.push_back(static_cast<int>(v.get_int64().value()));
  return out;
}
inline std::vector<double> numbers(simdjson::dom::element list) {
  std::vector<double> out;
  for (const auto v : simdjson::dom::array(list)) out.push_back(v.get_double().value());
  return out;
}
inline std::vector<std::string> texts(simdjson::dom::element list) {
  std::vector<std::string> out;
  for (const auto v : simdjson::dom::array(list)) out.emplace_back(v.get_string().value());
  return out;
}

}  // namespace golden
