// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/core/one_line.hpp"

namespace blip::inline BLIP_ABI {

// The word of a list that is the fewest insertions, deletions and replacements of letters away from a text (Levenshtein
// 1966); of several the first. Empty for an empty list. For hints, so only the first 64 bytes of the text count.
inline std::string_view nearest_word(std::string_view text, std::span<const std::string_view> words) {
  text = text.substr(0, 64);
  std::string_view best;
  std::size_t least = std::string_view::npos;
  for (const std::string_view word : words) {
    std::vector<std::size_t> row(word.size() + 1);
    for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
    for (std::size_t i = 0; i < text.size(); ++i) {
      std::size_t before = row[0]++;
      for (std::size_t j = 0; j < word.size(); ++j) {
        const std::size_t replaced = before + (text[i] == word[j] ? 0u : 1u);
        before = row[j + 1];
        row[j + 1] = std::min({replaced, row[j] + 1, before + 1});
      }
    }
    if (row.back() < least) least = row.back(), best = word;
  }
  return best;
}

// The place of a word in a list. Throws config_error that lists the words and names the nearest one.
inline std::size_t place_of_word(const std::string& where, std::string_view text,
                                 std::span<const std::string_view> words) {
  const auto at = std::find(words.begin(), words.end(), text);
  if (at != words.end()) return static_cast<std::size_t>(at - words.begin());
  std::string all;
  for (const std::string_view word : words) all += (all.empty() ? "" : " | ") + std::string(word);
  throw config_error({where, all, text.empty() ? "nothing" : "\"" + detail::one_line(text, 64) + "\"",
                      "did you mean " + std::string(nearest_word(text, words)) + "?"});
}

}  // namespace blip::inline BLIP_ABI
