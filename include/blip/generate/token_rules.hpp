// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "blip/core/error.hpp"

namespace blip::inline BLIP_ABI {

// What every sampler obeys. Counts are of generated ids: the stop id included, the prompt excluded.
struct token_rules {
  int stop = 102;  // ends a text; -1: nothing does. 102 is BERT's [SEP]
  int min_tokens = 1;
  int max_tokens = 20;
  double repetition_penalty = 1;  // on every id that the sequence holds, prompt included: s p if s < 0, else s / p

  // Rewrites the scores [vocabulary] of the next token of a sequence `ids`, whose first `prompt` ids were given.
  // Source: RepetitionPenaltyLogitsProcessor (CTRL, Keskar et al. 2019) and MinLengthLogitsProcessor of transformers.
  void apply(std::span<double> scores, std::span<const int> ids, int prompt) const {
    if (repetition_penalty != 1)
      for (auto id = ids.begin(); id != ids.end(); ++id) {
        if (std::find(ids.begin(), id, *id) != id) continue;  // each id once
        double& s = scores[static_cast<std::size_t>(*id)];
        s = s < 0 ? s * repetition_penalty : s / repetition_penalty;
      }
    const int made = static_cast<int>(ids.size()) - prompt;
    if (stop >= 0 && made + 1 < min_tokens)
      scores[static_cast<std::size_t>(stop)] = -std::numeric_limits<double>::infinity();
  }

  // Throws config_error where the rules contradict themselves, the model, or the prompts.
  void check(int vocabulary, int positions, std::span<const std::vector<int>> prompts) const {
    const auto require = [](bool ok, const char* what, const std::string& expected, const std::string& found) {
      if (!ok) throw config_error({std::string("token_rules: ") + what, expected, found, {}});
    };
    require(stop >= -1 && stop < vocabulary, "stop", "-1, or an id below " + std::to_string(vocabulary),
            std::to_string(stop));
    require(vocabulary > 1, "vocabulary", "at least 2 words", std::to_string(vocabulary));
    require(max_tokens >= 1 && min_tokens <= max_tokens, "min_tokens and max_tokens",
            "in this order, the second at least 1", std::to_string(min_tokens) + " and " + std::to_string(max_tokens));
    require(repetition_penalty > 0, "repetition_penalty", "a positive number", std::to_string(repetition_penalty));
    for (const std::vector<int>& prompt : prompts) {
      const int length = static_cast<int>(prompt.size());
      require(length >= 1, "a prompt", "at least one id", "none");
      // The last token is made, never read.
      require(length + max_tokens - 1 <= positions, "max_tokens and the prompt",
              "within " + std::to_string(positions) + " positions",
              std::to_string(max_tokens) + " after " + std::to_string(length));
      for (const int id : prompt)
        require(id >= 0 && id < vocabulary, "an id of a prompt", "0 to " + std::to_string(vocabulary - 1),
                std::to_string(id));
    }
  }
};

}  // namespace blip::inline BLIP_ABI
