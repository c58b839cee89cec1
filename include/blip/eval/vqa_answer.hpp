// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include "blip/eval/vqa_tables.hpp"
#include "blip/text/lower_case.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

// The word's partner in a table, or the word itself.
template <std::size_t N>
std::string_view partner(const std::pair<std::string_view, std::string_view> (&table)[N], std::string_view word) {
  const auto at = std::find_if(std::begin(table), std::end(table), [&](const auto& p) { return p.first == word; });
  return at == std::end(table) ? word : at->second;
}

inline bool is_digit(char32_t c) { return category_of(c) == UTF8PROC_CATEGORY_ND; }

inline std::u32string without_punctuation(std::u32string_view in) {
  bool comma_in_number = false;
  for (std::size_t i = 1; i + 1 < in.size(); ++i)
    comma_in_number = comma_in_number || (in[i] == U',' && is_digit(in[i - 1]) && is_digit(in[i + 1]));
  std::u32string out(in);
  for (const char32_t c : std::u32string_view(U";/[]\"{}()=+\\_-><@`,?!")) {
    const bool by_space = in.find(std::u32string{c, U' '}) != in.npos || in.find(std::u32string{U' ', c}) != in.npos;
    if (by_space || comma_in_number)
      std::erase(out, c);
    else
      std::replace(out.begin(), out.end(), c, U' ');
  }
  std::u32string result;
  int removed = 0;  // the published code passes a flag of value 32 where the largest number of replacements is meant
  for (std::size_t i = 0; i < out.size(); ++i) {
    const bool ends = out[i] == U'.' && (i + 1 == out.size() || !is_digit(out[i + 1]));
    if (ends && removed < 32)
      ++removed;
    else
      result += out[i];
  }
  return result;
}

}  // namespace detail

// Punctuation of an answer, as the evaluation of VQA treats it: each of ; / [ ] " { } ( ) = + \ _ - > < @ ` , ? ! goes
// when it stands next to a space somewhere in the answer or when a comma stands between digits, and becomes a space
// otherwise; then periods that no digit follows go, the first 32 of them. All that is done to human answers. Throws
// format_error for what is not UTF-8. Source: vqaEval.py, processPunctuation.
inline std::string strip_punctuation(std::string_view answer) {
  return to_utf8(detail::without_punctuation(to_code_points(answer, "strip_punctuation")));
}

// An answer of a model, as it is compared with those of people: stripped, without punctuation, in lower case, number
// words as digits, without articles, contractions with their apostrophe, words joined by single spaces. Throws
// format_error for what is not UTF-8. Source: vqaEval.py of the VQA v2 evaluation.
inline std::string normalize_answer(std::string_view answer) {
  std::u32string points = to_code_points(answer, "normalize_answer");
  for (char32_t& c : points)
    if (c == U'\n' || c == U'\t') c = U' ';
  const auto is_ink = [](char32_t c) { return !is_white_space(c); };
  const auto first = std::find_if(points.begin(), points.end(), is_ink);
  const auto last = std::find_if(points.rbegin(), std::make_reverse_iterator(first), is_ink).base();
  const std::u32string lower = lower_case(detail::without_punctuation(std::u32string(first, last)));
  std::string out;
  for (std::size_t begin = 0; begin < lower.size();) {
    std::size_t end = begin;
    while (end < lower.size() && !is_white_space(lower[end])) ++end;
    const std::string word = to_utf8(std::u32string_view(lower).substr(begin, end - begin));
    begin = end + 1;
    if (word.empty() || word == "a" || word == "an" || word == "the") continue;
    if (!out.empty()) out += ' ';
    out += detail::partner(detail::vqa_contractions, detail::partner(detail::vqa_numbers, word));
  }
  return out;
}

}  // namespace blip::inline BLIP_ABI
