// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "blip/core/limits.hpp"
#include "blip/text/lower_case.hpp"
#include "blip/text/replace_all.hpp"

namespace blip::inline BLIP_ABI {

// Whose cleaning of captions and questions.
enum class cleaning { albef, blip };

namespace detail {

inline std::u32string lower_text(std::string_view text, const char* where, const limits& bounds) {
  require_within(where, "bytes of the text", text.size(), bounds.caption_bytes, "limits::caption_bytes is the bound");
  return lower_case(to_code_points(text, where));
}

inline std::u32string without(std::u32string_view text, std::u32string_view characters) {
  std::u32string out;
  for (const char32_t c : text)
    if (characters.find(c) == characters.npos) out += c;
  return out;
}

// Every one of the characters becomes a space.
inline void blank(std::u32string& text, std::u32string_view characters) {
  for (char32_t& c : text)
    if (characters.find(c) != characters.npos) c = U' ';
}

// Runs of two or more white-space characters become one space; a single one stays what it is.
inline std::u32string collapse(std::u32string_view text) {
  std::u32string out;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i;
    while (end < text.size() && is_white_space(text[end])) ++end;
    const bool run = end - i >= 2;
    out += run ? U' ' : text[i];
    i = run ? end : i + 1;
  }
  return out;
}

inline std::u32string_view strip_end(std::u32string_view text, char32_t c) {
  const auto last = text.find_last_not_of(c);
  return text.substr(0, last == text.npos ? 0 : last + 1);
}

// The first words, at most so many; words end at single spaces, so that two spaces hold an empty word between them.
inline std::u32string_view first_words(std::u32string_view text, int words) {
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == U' ' && --words <= 0) return text.substr(0, i);
  return text;
}

inline void require_words(int words, const char* where) {
  if (words < 1) throw config_error({std::string(where) + ": words", "at least 1", std::to_string(words), {}});
}

// White space collapsed and stripped, then the first words.
inline std::string finish_caption(std::u32string_view text, int words) {
  const std::u32string collapsed = collapse(text);
  std::u32string_view left = strip_end(strip_end(collapsed, U'\n'), U' ');
  left.remove_prefix(std::min(left.find_first_not_of(U' '), left.size()));
  return to_utf8(first_words(left, words));
}

}  // namespace detail

// A caption as the published code trains on: lower case;
//   albef: , . ' ! ? " ( ) * # : ; ~ go, - and / become spaces, <person> becomes person;
//   blip:  . ! " ( ) * # : ; ~ become spaces, everything else stays;
// then runs of white space become one space, ends are stripped, and at most `words` words stay. `prompt`
// ("a picture of ") is put in front. Throws format_error for what is not UTF-8, limit_error, config_error for words
// < 1. Source: ALBEF dataset/utils.py, BLIP data/utils.py, pre_caption.
inline std::string clean_caption(cleaning rules, std::string_view caption, int words = 30, std::string_view prompt = {},
                                 const limits& bounds = {}) {
  detail::require_words(words, "clean_caption");
  std::u32string text = detail::lower_text(caption, "clean_caption", bounds);
  if (rules == cleaning::albef) {
    text = detail::without(text, U",.'!?\"()*#:;~");
    detail::blank(text, U"-/");
    text = replace_all(std::u32string_view(text), U"<person>", U"person");
  } else {
    detail::blank(text, U".!\"()*#:;~");
  }
  return std::string(prompt) + detail::finish_caption(text, words);
}

// A question as the published code asks it: lower case;
//   albef: , . ' ! ? " ( ) * # : ; ~ go, - and / become spaces;
//   blip:  . ! " ( ) * # : ; ~ go (the question mark stays);
// then spaces at the end go, and at most `words` words stay; runs of spaces stay, and hold empty words. Throws as
// clean_caption does. Source: ALBEF dataset/utils.py, BLIP data/utils.py, pre_question.
inline std::string clean_question(cleaning rules, std::string_view question, int words = 50,
                                  const limits& bounds = {}) {
  detail::require_words(words, "clean_question");
  std::u32string text = detail::lower_text(question, "clean_question", bounds);
  text = detail::without(text, rules == cleaning::albef ? U",.'!?\"()*#:;~" : U".!\"()*#:;~");
  if (rules == cleaning::albef) detail::blank(text, U"-/");
  return to_utf8(detail::first_words(detail::strip_end(text, U' '), words));
}

}  // namespace blip::inline BLIP_ABI
