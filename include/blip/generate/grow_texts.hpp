// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "blip/core/function_ref.hpp"
#include "blip/generate/generated.hpp"
#include "blip/generate/row_scores.hpp"
#include "blip/generate/token_rules.hpp"

namespace blip::inline BLIP_ABI {

// A text that grows by one token a step.
struct growing_text {
  int sequence = 0, sample = 0;
  int prompt = 0;        // how many of the ids were given
  int row = 0;           // of the model's last logits
  std::vector<int> ids;  // the prompt, then what was generated

  int made() const { return static_cast<int>(ids.size()) - prompt; }
};

// Grows `samples` texts of each prompt; choose(text, scores) picks each next token from logits under `rules`, of which it
// looks at the best `looked_at`, or at all (0). A text that is over costs nothing more, and none depends on its neighbours:
// greedy() and sample() are this.
template <next_token_model M>
generated_texts grow_texts(M& model, std::span<const std::vector<int>> prompts, int samples, const token_rules& rules,
                           generation_observer observe, int looked_at,
                           std::type_identity_t<function_ref<int(const growing_text&, const row_scores<M>&)>> choose) {
  rules.check(model.vocabulary(), model.positions(), prompts);
  generated_texts out(prompts.size(), std::vector<generated>(static_cast<std::size_t>(samples)));
  std::vector<growing_text> live;
  for (std::size_t s = 0; s < prompts.size(); ++s)
    for (int k = 0; k < samples; ++k) {
      live.push_back({static_cast<int>(s), k, static_cast<int>(prompts[s].size()), static_cast<int>(s), prompts[s]});
      live.back().ids.reserve(prompts[s].size() + static_cast<std::size_t>(rules.max_tokens));
      out[s][static_cast<std::size_t>(k)].tokens.reserve(static_cast<std::size_t>(rules.max_tokens));
    }
  if (live.empty()) return out;
  row_scores<M> scores(model, prompts, rules, false, looked_at);
  std::vector<int> parents, tokens;
  parents.reserve(live.size()), tokens.reserve(live.size());

  bool wanted = true;
  auto logits = model.start(prompts, static_cast<int>(live.size()), rules.max_tokens);
  for (int step = 1; wanted; ++step) {
    parents.clear(), tokens.clear();
    std::size_t kept = 0;
    for (std::size_t i = 0; i < live.size() && wanted; ++i) {
      growing_text& text = live[i];
      scores.read(logits, text.row, text.ids, text.prompt);
      const int token = choose(text, scores);
      generated& result = out[static_cast<std::size_t>(text.sequence)][static_cast<std::size_t>(text.sample)];
      text.ids.push_back(token);
      result.log_probability += scores.logit(logits, text.row, token) - scores.log_sum();
      result.score = result.log_probability;
      result.stopped = token == rules.stop;
      result.tokens.assign(text.ids.begin() + text.prompt, text.ids.end());
      wanted = observe({text.sequence, text.sample, result.tokens, result.log_probability});
      if (result.stopped) continue;
      parents.push_back(text.row), tokens.push_back(token);
      text.row = static_cast<int>(kept);
      if (kept != i) std::swap(live[kept], text);
      ++kept;
    }
    live.resize(kept);
    if (live.empty() || step == rules.max_tokens || !wanted) break;
    logits = model.step(parents, tokens);
  }
  return out;
}

}  // namespace blip::inline BLIP_ABI
