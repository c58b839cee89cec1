// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip/text/code_points.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

// A character that BERT drops: U+0000, U+FFFD, and categories C but tab and line ends; unassigned is C as well.
inline bool is_dropped(char32_t c) {
  if (c == U'\t' || c == U'\n' || c == U'\r') return false;
  switch (category_of(c)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CS:
      return true;
    default:
      return c == 0xfffd;
  }
}

// Ideographs, which are words of their own. Hiragana, Katakana and Hangul are not.
constexpr bool is_ideograph(char32_t c) {
  return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x20000 && c <= 0x2a6df) ||
         (c >= 0x2a700 && c <= 0x2b73f) || (c >= 0x2b740 && c <= 0x2b81f) || (c >= 0x2b820 && c <= 0x2ceaf) ||
         (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}

// Every printable ASCII character that is no letter, digit or space, and the categories P.
inline bool is_punctuation(char32_t c) {
  if (c < 0x80) return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126);
  const auto category = category_of(c);
  return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

inline int combining_class(char32_t c) {
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class;
}

inline void append_decomposed(std::u32string& out, char32_t c) {
  utf8proc_int32_t parts[16];
  int last_class = 0;
  const auto n = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts, 16, UTF8PROC_DECOMPOSE, &last_class);
  for (utf8proc_ssize_t i = 0; i < n; ++i) out.push_back(static_cast<char32_t>(parts[i]));
}

// Normal form D without non-spacing marks. Marks are sorted run by run, because a thousand of them on one letter must
// not take a million steps.
inline std::u32string strip_accents(std::u32string_view text) {
  std::u32string points;
  for (const char32_t c : text) append_decomposed(points, c);
  for (auto at = points.begin(); at != points.end();) {
    const auto end = std::find_if(at, points.end(), [](char32_t c) { return combining_class(c) == 0; });
    if (end - at > 1) {
      const std::u32string run(at, end);
      std::vector<std::pair<std::uint64_t, std::size_t>> order;
      for (const char32_t c : run) order.emplace_back(combining_class(c), order.size());
      std::sort(order.begin(), order.end());
      for (const auto& [rank, i] : order) *at++ = run[i];
    }
    at = end == points.end() ? end : end + 1;
  }
  std::u32string kept;
  for (const char32_t c : points)
    if (category_of(c) != UTF8PROC_CATEGORY_MN) kept.push_back(c);
  return kept;
}

}  // namespace detail

// The words of BERT's uncased tokenizer, before WordPiece: control characters go, every character becomes lower case by
// itself (a final sigma does not take its final form), ideographs and punctuation characters are words of their own,
// accents go, white space separates. Source: google-research/bert, tokenization.py, BasicTokenizer; equal to the slow
// tokenizer of transformers 4 but for code points that utf8proc's newer tables know.
inline std::vector<std::u32string> bert_words(std::u32string_view text) {
  std::u32string clean;
  clean.reserve(text.size());
  for (const char32_t c : text) {
    if (detail::is_dropped(c)) continue;
    if (detail::is_ideograph(c))
      clean += {U' ', c, U' '};
    else
      clean += static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
  }
  std::vector<std::u32string> words;
  bool inside = false;
  for (const char32_t c : detail::strip_accents(clean)) {
    const bool alone = detail::is_punctuation(c);
    if (is_white_space(c)) {
      inside = false;
    } else if (alone || !inside) {
      words.emplace_back(1, c);
      inside = !alone;
    } else {
      words.back() += c;
    }
  }
  return words;
}

}  // namespace blip::inline BLIP_ABI
