// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI::report {

namespace detail {

inline constexpr char32_t replacement = 0xfffd;

// Takes the first code point from text; U+FFFD for a byte that is not part of UTF-8.
inline char32_t take_code_point(std::string_view& text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned first = byte(0);
  const std::size_t more = first < 0x80   ? 0
                           : first < 0xc2 ? 4
                           : first < 0xe0 ? 1
                           : first < 0xf0 ? 2
                           : first < 0xf5 ? 3
                                          : 4;
  char32_t c = more == 0 ? first : first & (0x3fu >> more);
  bool whole = more < 4;
  for (std::size_t i = 1; whole && i <= more; ++i) whole = (byte(i) & 0xc0) == 0x80, c = c << 6 | (byte(i) & 0x3f);
  whole = whole && !(more == 2 && c < 0x800) && !(more == 3 && c < 0x10000);  // overlong
  whole = whole && c < 0x110000 && !(c >= 0xd800 && c < 0xe000);
  text.remove_prefix(whole ? more + 1 : 1);
  return whole ? c : replacement;
}

// Characters that would not be seen, or would change how their neighbours are read: controls, marks of direction,
// non-characters.
constexpr bool is_unseemly(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
         (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfdd0 && c <= 0xfdef) ||
         (c & 0xfffe) == 0xfffe;
}

inline void append_code_point(std::string& out, char32_t c) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((c >> shift) & 0x3f)); };
  if (c < 0x80)
    out += static_cast<char>(c);
  else if (c < 0x800)
    out += static_cast<char>(0xc0 | c >> 6), tail(0);
  else if (c < 0x10000)
    out += static_cast<char>(0xe0 | c >> 12), tail(6), tail(0);
  else
    out += static_cast<char>(0xf0 | c >> 18), tail(12), tail(6), tail(0);
}

}  // namespace detail

// Appends a text that may be anything as UTF-8 that HTML shows as text, in content and in quoted attributes: the five
// special characters as entities, white space as a space, what is no UTF-8 or unseemly as U+FFFD. At most `bound` code
// points, then an ellipsis.
inline void append_shown(std::string& out, std::string_view text, std::size_t bound = 2000) {
  for (std::size_t n = 0; !text.empty(); ++n) {
    if (n == bound) {
      out += "\u2026";
      return;
    }
    switch (const char32_t c = detail::take_code_point(text)) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '\t':
      case '\n':
      case '\v':
      case '\f':
      case '\r':
      case 0x85:
      case 0x2028:
      case 0x2029:
        out += ' ';
        break;
      default:
        detail::append_code_point(out, detail::is_unseemly(c) ? detail::replacement : c);
    }
  }
}

// How many code points a text has.
inline std::size_t shown_length(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace blip::inline BLIP_ABI::report
