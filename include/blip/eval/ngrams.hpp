// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <map>
#include <string>

#include "blip/eval/caption_case.hpp"

namespace blip::inline BLIP_ABI {

inline constexpr int longest_ngram = 4;

// How often each n-gram occurs, by n - 1; an n-gram is its words joined by spaces. Ordered, so that sums over it have
// the same bits everywhere.
using ngram_counts = std::array<std::map<std::string, int>, longest_ngram>;

inline ngram_counts count_ngrams(const word_list& words) {
  ngram_counts counts;
  for (std::size_t begin = 0; begin < words.size(); ++begin) {
    std::string ngram;
    for (std::size_t n = 0; n < counts.size() && begin + n < words.size(); ++n) {
      if (n > 0) ngram += ' ';
      ++counts[n][ngram += words[begin + n]];
    }
  }
  return counts;
}

}  // namespace blip::inline BLIP_ABI
