// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/data/pair_set.hpp"
#include "blip/text/bert_words.hpp"
#include "blip/text/cleaning.hpp"

namespace blip::inline BLIP_ABI {

struct word_options {
  std::uint64_t least = 2;   // times a word must come up
  std::size_t most = 8'000;  // words
  cleaning clean = cleaning::blip;
  std::size_t longest = 100;  // characters of a word, as `wordpiece` has it
};

// A vocabulary of the captions of sets, as a vocab.txt holds it: BERT's five special tokens, then whole words, the most
// frequent first, equally frequent ones in the order of their bytes. There are no pieces of words, so that a word that
// is not among them is [UNK]. Samples that cannot be read are left out. Throws config_error when no word is left.
inline std::vector<std::string> collect_words(std::span<const pair_set> sets, const word_options& o = {}) {
  std::map<std::string, std::uint64_t> counts;
  for (const pair_set& set : sets)
    for (std::uint64_t i = 0; i < set.size(); ++i) {
      try {
        for (const std::string& caption : set.text(i).captions)
          for (const std::u32string& word :
               bert_words(to_code_points(clean_caption(o.clean, caption), "collect_words")))
            if (word.size() <= o.longest) ++counts[to_utf8(word)];
      } catch (const error&) {  // counted where the sample is used
      }
    }
  std::vector<std::pair<std::string, std::uint64_t>> words;
  for (auto& [word, count] : counts)
    if (count >= o.least) words.emplace_back(word, count);
  if (words.empty())
    throw config_error({"collect_words: the captions", "a word that comes up " + std::to_string(o.least) + " times",
                        "none", "give a vocabulary"});
  std::stable_sort(words.begin(), words.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  words.resize(std::min(words.size(), o.most));
  std::vector<std::string> list{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
  for (auto& [word, count] : words) list.push_back(std::move(word));
  return list;
}

}  // namespace blip::inline BLIP_ABI
