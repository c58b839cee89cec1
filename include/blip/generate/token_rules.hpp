// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <string_view>
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
        s = penalised(s);
      }
    const int made = static_cast<int>(ids.size()) - prompt;
    if (stop >= 0 && made + 1 < min_tokens)
      scores[static_cast<std::size_t>(stop)] = -std::numeric_limits<double>::infinity();
  }

  // The same of some tokens.
  void apply(std::span<double> scores, std::span<const int> tokens, std::span<const int> ids, int prompt) const {
    const bool banned = stop >= 0 && static_cast<int>(ids.size()) - prompt + 1 < min_tokens;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      double& s = scores[i];
      if (repetition_penalty != 1 && std::find(ids.begin(), ids.end(), tokens[i]) != ids.end())
        s = penalised(s);
      if (banned && tokens[i] == stop) s = -std::numeric_limits<double>::infinity();
    }
  }

  // Throws config_error where the rules contradict themselves, the model, or the prompts.
  void check(int vocabulary, int positions, std::span<const std::vector<int>> prompts) const {
    if (stop < -1 || stop >= vocabulary)
      fail("stop", "-1, or an id below " + std::to_string(vocabulary), std::to_string(stop));
    if (vocabulary <= 1) fail("vocabulary", "at least 2 words", std::to_string(vocabulary));
    if (max_tokens < 1 || min_tokens > max_tokens)
      fail("min_tokens and max_tokens", "in this order, the second at least 1",
           std::to_string(min_tokens) + " and " + std::to_string(max_tokens));
    if (!(repetition_penalty > 0)) fail("repetition_penalty", "a positive number", std::to_string(repetition_penalty));
    for (const std::vector<int>& prompt : prompts) {
      const int length = static_cast<int>(prompt.size());
      if (length < 1) fail("a prompt", "at least one id", "none");
      if (length + max_tokens - 1 > positions)  // the last token is made, never read
        fail("max_tokens and the prompt", "within " + std::to_string(positions) + " positions",
             std::to_string(max_tokens) + " after " + std::to_string(length));
      for (const int id : prompt)
        if (id < 0 || id >= vocabulary)
          fail("an id of a prompt", "0 to " + std::to_string(vocabulary - 1), std::to_string(id));
    }
  }

 private:
  double penalised(double s) const { return s < 0 ? s * repetition_penalty : s / repetition_penalty; }
  [[noreturn, gnu::cold]] static void fail(const char* what, std::string_view expected, std::string_view found) {
    throw config_error({std::string("token_rules: ") + what, expected, found, {}});
  }
};

}  // namespace blip::inline BLIP_ABI
