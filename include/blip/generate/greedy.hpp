// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "blip/generate/grow_texts.hpp"

namespace blip::inline BLIP_ABI {

// The most likely token at each step (of equal ones the first), one text for each prompt. Penalties act on logits.
template <next_token_model M>
generated_texts greedy(M& model, std::span<const std::vector<int>> prompts, const token_rules& rules = {},
                       generation_observer observe = unobserved) {
  return grow_texts(model, prompts, 1, rules, observe, [](const growing_text&, std::span<const double> scores) {
    return static_cast<int>(std::max_element(scores.begin(), scores.end()) - scores.begin());
  });
}

}  // namespace blip::inline BLIP_ABI
