// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <iterator>
#include <span>
#include <string>
#include <string_view>

#include "blip/core/limits.hpp"
#include "blip/eval/caption_case.hpp"
#include "blip/eval/treebank_lexer.hpp"
#include "blip/text/lower_case.hpp"

namespace blip::inline BLIP_ABI {

// The words of a caption that the caption metrics compare: tokens by the Penn Treebank's conventions ("don't" is do and
// n't), in lower case, without punctuation. Brackets stay, as -lrb- and so on, and so does ?!, as in the published
// metrics. Throws format_error for what is not UTF-8, limit_error. Source: pycocoevalcap, PTBTokenizer.
inline word_list caption_words(std::string_view caption, const limits& bounds = {}) {
  require_within("caption_words", "bytes of the caption", caption.size(), bounds.caption_bytes,
                 "limits::caption_bytes is the bound");
  constexpr std::u32string_view punctuation[] = {U"''", U"'", U"``", U"`",  U".",   U"?", U"!",
                                                 U",",  U":", U"-",  U"--", U"...", U";"};
  word_list words;
  for (const std::u32string& token : detail::treebank_lexer(to_code_points(caption, "caption_words")).tokens())
    if (std::find(std::begin(punctuation), std::end(punctuation), token) == std::end(punctuation))
      words.push_back(to_utf8(lower_case(token)));
  return words;
}

// A case of a candidate and its references as they are written.
inline caption_case split_case(std::string_view candidate, std::span<const std::string> references,
                               const limits& bounds = {}) {
  caption_case c{caption_words(candidate, bounds), {}};
  for (const std::string& r : references) c.references.push_back(caption_words(r, bounds));
  return c;
}

}  // namespace blip::inline BLIP_ABI
