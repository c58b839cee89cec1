// SPDX-License-Identifier: Apache-2.0
#pragma once

// What golden cases of generation share: their way of counting, and lists of ids padded to rectangles.
#include "blip/generate/beam_search.hpp"
#include "blip/generate/decoder_model.hpp"
#include "blip/generate/greedy.hpp"
#include "support/catch.hpp"

namespace golden {

// Limits of the cases count the prompt and, for min_length, not the stop id.
inline blip::token_rules rules_of(int stop, int min_length, int max_length, int prompt, double repetition_penalty) {
  return {.stop = stop,
          .min_tokens = min_length - prompt + 1,
          .max_tokens = max_length - prompt,
          .repetition_penalty = repetition_penalty};
}

inline std::vector<std::vector<int>> rows_of_ids(const std::vector<int>& ids, std::size_t rows) {
  std::vector<std::vector<int>> out;
  const auto length = static_cast<std::ptrdiff_t>(ids.size() / rows);
  for (auto row = ids.begin(); row != ids.end(); row += length) out.emplace_back(row, row + length);
  return out;
}

// The best text of each prompt, with the prompt, against rows padded with `pad`.
inline void compare_ids(const blip::generated_texts& found, const std::vector<std::vector<int>>& prompts,
                        const std::vector<std::vector<int>>& expected, int pad) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    std::vector<int> ids = prompts[i];
    ids.insert(ids.end(), found[i][0].tokens.begin(), found[i][0].tokens.end());
    ids.resize(std::max(ids.size(), expected[i].size()), pad);
    CHECK(ids == expected[i]);
  }
}

template <class S>
std::vector<S> scores_of(const blip::generated_texts& found) {
  std::vector<S> out;
  for (const auto& texts : found) out.push_back(static_cast<S>(texts[0].score));
  return out;
}

}  // namespace golden
