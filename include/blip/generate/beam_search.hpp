// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "blip/generate/row_scores.hpp"
#include "blip/generate/single_search.hpp"

namespace blip::inline BLIP_ABI {

// Beam search for all prompts at once: each step of the model has a row for every running beam of every prompt whose
// search has not ended. Penalties act on log-probabilities; what the search ranks by is their sum. The prompt is read
// once, not once for each beam. No text depends on its neighbours. Source: see beam_rule.
template <next_token_model M>
generated_texts beam_search(M& model, std::span<const std::vector<int>> prompts, const token_rules& rules = {},
                            const beam_options& options = {}, generation_observer observe = unobserved) {
  options.check();
  rules.check(model.vocabulary(), model.positions(), prompts);
  std::vector<single_search> searches;
  for (const std::vector<int>& prompt : prompts)
    searches.emplace_back(prompt, static_cast<int>(searches.size()), rules, options);
  const auto beams = static_cast<int>(prompts.size()) * options.beams;
  row_scores<M> scores(model, prompts, rules, true, 2 * options.beams);
  std::vector<int> parents, tokens;
  parents.reserve(static_cast<std::size_t>(beams)), tokens.reserve(static_cast<std::size_t>(beams));
  std::vector<double> sums(static_cast<std::size_t>(options.beams));

  bool wanted = !searches.empty();
  matrix_view<const typename M::scalar> logits;
  if (wanted) logits = model.start(prompts, beams, rules.max_tokens);
  for (int step = 1; wanted; ++step) {
    parents.clear(), tokens.clear();
    for (std::size_t s = 0; s < searches.size() && wanted; ++s) {
      single_search& search = searches[s];
      if (search.done()) continue;
      for (std::size_t b = 0; b < search.running().size(); ++b) {
        const running_beam& beam = search.running()[b];
        scores.read(logits, beam.row, beam.ids, search.prompt());
        sums[b] = scores.log_sum();
        search.candidates().offer(static_cast<int>(b), beam.sum, scores.scores(), scores.tokens());
      }
      for (beam_candidate& c : search.candidates().best()) {
        const running_beam& beam = search.running()[static_cast<std::size_t>(c.beam)];
        c.log_probability = beam.log_probability +
                            (scores.logit(logits, beam.row, c.token) - sums[static_cast<std::size_t>(c.beam)]);
      }
      search.take(step);
      if (search.running().empty()) continue;
      const running_beam& first = search.running()[0];
      wanted = observe({static_cast<int>(s), 0, std::span(first.ids).subspan(static_cast<std::size_t>(search.prompt())),
                        first.log_probability});
      if (!search.done()) search.go_on(parents, tokens);
    }
    if (parents.empty() || step == rules.max_tokens || !wanted) break;
    logits = model.step(parents, tokens);
  }
  generated_texts out;
  for (single_search& search : searches) out.push_back(search.finish());
  return out;
}

}  // namespace blip::inline BLIP_ABI
