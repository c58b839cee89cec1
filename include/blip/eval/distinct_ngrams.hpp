// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <unordered_set>

#include "blip/eval/caption_case.hpp"

namespace blip::inline BLIP_ABI {

// How varied a set of captions is: the n-grams that differ, over all n-grams (distinct-n; 0 when there are none).
// Throws config_error for n < 1. Source: Li et al. 2016, "A diversity-promoting objective function", 5.2.
inline double distinct_ngrams(std::span<const word_list> captions, int n) {
  if (n < 1) throw config_error({"distinct_ngrams: n", "at least 1", std::to_string(n), {}});
  const auto length = static_cast<std::size_t>(n);
  std::unordered_set<std::string> distinct;
  std::size_t all = 0;
  for (const word_list& words : captions)
    for (std::size_t begin = 0; begin + length <= words.size(); ++begin, ++all) {
      std::string ngram;
      for (std::size_t i = begin; i < begin + length; ++i) (ngram += words[i]) += ' ';
      distinct.insert(std::move(ngram));
    }
  return all == 0 ? 0 : static_cast<double>(distinct.size()) / static_cast<double>(all);
}

}  // namespace blip::inline BLIP_ABI
