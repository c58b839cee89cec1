// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "blip/generate/grow_texts.hpp"

namespace blip::inline BLIP_ABI {

// The most likely token at each step (of equal ones the first), one text for each prompt. Penalties act on logits.
template <next_token_model M>
generated_texts greedy(M& model, std::span<const std::vector<int>> prompts, const token_rules& rules = {},
                       generation_observer observe = unobserved) {
  return grow_texts(model, prompts, 1, rules, observe, 1, [](const growing_text&, const row_scores<M>& s) {
    const auto best = std::max_element(s.scores().begin(), s.scores().end());
    return s.token(static_cast<std::size_t>(best - s.scores().begin()));
  });
}

}  // namespace blip::inline BLIP_ABI
