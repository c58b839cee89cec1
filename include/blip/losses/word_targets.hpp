// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "blip/core/buffer.hpp"
#include "blip/core/error.hpp"

namespace blip::inline BLIP_ABI {

// Which rows of a packed text predict a word, and which word: only these rows ever reach a word head.
template <backend B>
struct word_targets {
  buffer<B, int> rows;    // [n] ascending
  buffer<B, int> labels;  // [n]
  int count = 0;

  // `label(text, position)` is the word to predict there, or negative.
  template <class F>
  static word_targets from(std::span<const std::vector<int>> texts, F label) {
    std::vector<int> rows, labels;
    int row = 0;
    for (std::size_t s = 0; s < texts.size(); ++s)
      for (std::size_t i = 0; i < texts[s].size(); ++i, ++row)
        if (const int word = label(s, i); word >= 0) rows.push_back(row), labels.push_back(word);
    return {buffer<B, int>(std::span<const int>(rows)), buffer<B, int>(std::span<const int>(labels)),
            static_cast<int>(rows.size())};
  }

  // The next word everywhere but at the end, except inside a prompt of `prompt` tokens (the last one of which predicts).
  static word_targets next_words(std::span<const std::vector<int>> texts, int prompt = 0) {
    return from(texts, [&](std::size_t s, std::size_t i) {
      return i + 1 < texts[s].size() && static_cast<int>(i) + 1 >= prompt ? texts[s][i + 1] : -1;
    });
  }
};

}  // namespace blip::inline BLIP_ABI
