// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utf8proc.h>

#include <string>
#include <string_view>

#include "blip/core/error.hpp"

namespace blip::inline BLIP_ABI {

// The code points of UTF-8 text, read strictly: no surrogates, nothing overlong, nothing cut off; U+0000 is a code
// point like others. Throws format_error that names the first byte that is wrong; `where` begins its text.
inline std::u32string to_code_points(std::string_view text, std::string_view where) {
  std::u32string points;
  points.reserve(text.size());
  const auto* const bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  for (std::size_t at = 0; at < text.size();) {
    utf8proc_int32_t c = 0;
    const auto used = utf8proc_iterate(bytes + at, static_cast<utf8proc_ssize_t>(text.size() - at), &c);
    if (used <= 0)
      throw format_error({std::string(where) + ": byte " + std::to_string(at), "UTF-8", "something else",
                          "texts are UTF-8; convert the file"});
    points.push_back(static_cast<char32_t>(c));
    at += static_cast<std::size_t>(used);
  }
  return points;
}

inline void append_utf8(std::string& text, char32_t c) {
  utf8proc_uint8_t bytes[4];
  const auto n = utf8proc_encode_char(static_cast<utf8proc_int32_t>(c), bytes);
  text.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(n));
}

inline std::string to_utf8(std::u32string_view points) {
  std::string text;
  text.reserve(points.size());
  for (const char32_t c : points) append_utf8(text, c);
  return text;
}

// The general category of a code point, by the Unicode tables of utf8proc.
inline utf8proc_category_t category_of(char32_t c) { return utf8proc_category(static_cast<utf8proc_int32_t>(c)); }

// What Python's str.split, str.strip and \s call white space.
constexpr bool is_white_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

}  // namespace blip::inline BLIP_ABI
