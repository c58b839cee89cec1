// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/text/code_points.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

// Case_Ignorable of Unicode's DerivedCoreProperties: marks, format characters, modifiers, and what stands within words.
inline bool is_case_ignorable(char32_t c) {
  switch (category_of(c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      return std::u32string_view(
                 U"'.:\u00b7\u0387\u055f\u05f4\u2018\u2019\u2024\u2027\ufe13\ufe52\ufe55\uff07\uff0e\uff1a")
                 .find(c) != std::u32string_view::npos;
  }
}

// Cased, for code points that are not ignored: letters with a case, ordinals, Roman numerals, circled letters.
inline bool is_cased(char32_t c) {
  switch (category_of(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
      return true;
    default:
      return c == 0xaa || c == 0xba || (c >= 0x2160 && c <= 0x217f) || (c >= 0x24b6 && c <= 0x24e9) ||
             (c >= 0x1f130 && c <= 0x1f149) || (c >= 0x1f150 && c <= 0x1f169) || (c >= 0x1f170 && c <= 0x1f189);
  }
}

// A capital sigma takes its final form after a letter with a case and before none, ignored characters aside.
inline bool is_final_sigma(std::u32string_view text, std::size_t at) {
  std::size_t before = at, after = at + 1;
  while (before > 0 && is_case_ignorable(text[before - 1])) --before;
  if (before == 0 || !is_cased(text[before - 1])) return false;
  while (after < text.size() && is_case_ignorable(text[after])) ++after;
  return after == text.size() || !is_cased(text[after]);
}

}  // namespace detail

// Lower case of a whole text by Unicode's full mapping, without a locale: as the simple mapping, but that a dotted
// capital I becomes i and a combining dot, and that a capital sigma at the end of a word takes its final form.
// Source: The Unicode Standard, 3.13; SpecialCasing.txt. Equal to Python's str.lower.
inline std::u32string lower_case(std::u32string_view text) {
  constexpr char32_t dotted_i = 0x130, capital_sigma = 0x3a3, sigma = 0x3c3, final_sigma = 0x3c2;
  std::u32string lower;
  lower.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == dotted_i)
      lower += {U'i', char32_t{0x307}};
    else if (text[i] == capital_sigma)
      lower += detail::is_final_sigma(text, i) ? final_sigma : sigma;
    else
      lower += static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(text[i])));
  }
  return lower;
}

}  // namespace blip::inline BLIP_ABI
