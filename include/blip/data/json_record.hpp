// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/core/limits.hpp"
#include "blip/core/one_line.hpp"
#include "blip/core/simdjson.hpp"

namespace blip::inline BLIP_ABI {

// One JSON object of an annotation file. All of it is checked when it is read; fields that nobody asks for may be there.
// Throws format_error (not an object, a field that is missing, of another type, or there twice) and limit_error (deeper than
// limits::json_depth, longer than limits::json_string; texts longer than limits::caption_bytes).
class json_record {
 public:
  json_record(std::string_view text, std::string where, const limits& bounds = {})
      : where_(std::move(where)), bounds_(bounds), parser_(std::max<std::size_t>(bounds.json_string, 1) + 1) {
    require_within(where_, "bytes", text.size(), bounds.json_string);
    if (parser_.allocate(std::max<std::size_t>(text.size(), 1), static_cast<std::size_t>(bounds.json_depth)) !=
        simdjson::SUCCESS)
      throw std::bad_alloc();
    simdjson::dom::element root;
    const auto e = parser_.parse(text.data(), text.size()).get(root);
    if (e == simdjson::DEPTH_ERROR)
      throw limit_error({where_ + ": depth of the JSON", "at most " + std::to_string(bounds.json_depth), "more", {}});
    if (e) fail("a JSON object", std::string(simdjson::error_message(e)).substr(0, 120));
    if (root.get(object_)) fail("a JSON object", "another value");
  }
  json_record(const json_record&) = delete;
  json_record& operator=(const json_record&) = delete;

  const std::string& where() const { return where_; }
  bool has(std::string_view key) const { return find(key).has_value(); }

  std::string text(std::string_view key) const { return as_text(key, need(key)); }
  // Text, or a whole number written out: ids are either, depending on who made the file.
  std::string id(std::string_view key) const {
    const auto value = need(key);
    std::int64_t number = 0;
    if (value.get(number) == simdjson::SUCCESS) return std::to_string(number);
    return as_text(key, value);
  }
  std::int64_t whole(std::string_view key) const {
    std::int64_t number = 0;
    if (need(key).get(number)) fail(name(key) + " as a whole number", "another value");
    return number;
  }
  // A list of texts; one text alone counts as a list of one.
  std::vector<std::string> texts(std::string_view key) const {
    const auto value = need(key);
    simdjson::dom::array list;
    if (value.get(list)) return {as_text(key, value)};
    std::vector<std::string> out;
    for (const auto item : list) out.push_back(as_text(key, item));
    if (out.empty()) fail(name(key) + " with at least one text", "an empty list");
    return out;
  }
  std::vector<double> numbers(std::string_view key) const {
    simdjson::dom::array list;
    if (need(key).get(list)) fail(name(key) + " as a list of numbers", "another value");
    std::vector<double> out;
    for (const auto item : list) {
      double number = 0;
      if (item.get(number)) fail(name(key) + " as a list of numbers", "another value in it");
      out.push_back(number);
    }
    return out;
  }

  [[noreturn]] void fail(std::string expected, const std::string& found) const {
    throw format_error({where_, std::move(expected), detail::one_line(found), {}});
  }

 private:
  static std::string name(std::string_view key) { return "\"" + std::string(key) + "\""; }

  std::optional<simdjson::dom::element> find(std::string_view key) const {
    std::optional<simdjson::dom::element> found;
    for (const auto [k, v] : object_)
      if (k == key) {
        if (found) fail(name(key) + " once", "twice");
        found = v;
      }
    return found;
  }
  simdjson::dom::element need(std::string_view key) const {
    const auto found = find(key);
    if (!found) fail("the field " + name(key), "none");
    return *found;
  }
  std::string as_text(std::string_view key, simdjson::dom::element value) const {
    std::string_view text;
    if (value.get(text)) fail(name(key) + " as text", "another value");
    if (text.size() > bounds_.caption_bytes)
      throw limit_error({where_ + ": bytes of " + name(key), "at most " + std::to_string(bounds_.caption_bytes),
                         std::to_string(text.size()), {}});
    return std::string(text);
  }

  std::string where_;
  limits bounds_;
  simdjson::dom::parser parser_;
  simdjson::dom::object object_;
};

}  // namespace blip::inline BLIP_ABI
