// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "blip/train/run_log.hpp"

namespace tool {

// A JSON object of one line, its members in the order in which they are given. What is not UTF-8 becomes U+FFFD, what
// is not finite null.
class json_object {
 public:
  json_object& raw(std::string_view name, std::string_view value) {
    text_ += text_.empty() ? "" : ",";
    blip::detail::append_json_string(text_, blip::detail::as_utf8(name));
    text_ += ':', text_ += value;
    return *this;
  }
  json_object& text(std::string_view name, std::string_view value) { return raw(name, quoted(value)); }
  json_object& number(std::string_view name, double value) { return raw(name, digits(value)); }
  json_object& integer(std::string_view name, std::int64_t value) { return raw(name, std::to_string(value)); }
  // [element(x), ...]
  template <class List, class F>
  json_object& list(std::string_view name, const List& items, F element) {
    std::string all;
    for (const auto& x : items) all += (all.empty() ? "" : ",") + element(x);
    return raw(name, "[" + all + "]");
  }

  std::string str() const { return "{" + text_ + "}"; }

  static std::string quoted(std::string_view value) {
    std::string out;
    blip::detail::append_json_string(out, blip::detail::as_utf8(value));
    return out;
  }
  static std::string digits(double value) {
    std::string out;
    blip::detail::append_json_number(out, value);
    return out;
  }

 private:
  std::string text_;
};

}  // namespace tool
