// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include "blip/generate/beam_candidates.hpp"
#include "blip/generate/beam_rule.hpp"
#include "blip/generate/generated.hpp"
#include "blip/generate/token_rules.hpp"

namespace blip::inline BLIP_ABI {

// A running beam: the prompt and what was generated, and which row of the model's last logits continues it.
struct running_beam {
  std::vector<int> ids;
  double sum = 0, log_probability = 0;
  int row = 0;
};

// Beam search of one prompt: running beams and finished hypotheses; beam_search() runs many in step with one model.
// Source: BeamSearchScorer of transformers 4.15 and 4.30, `_beam_search` of transformers 5.
class single_search {
 public:
  single_search(std::span<const int> prompt, int row, const token_rules& rules, const beam_options& options)
      : options_(options), rules_(rules), prompt_(static_cast<int>(prompt.size())) {
    for (std::vector<running_beam>* all : {&running_, &next_}) {
      all->resize(static_cast<std::size_t>(options.beams));
      for (running_beam& b : *all) b.ids.reserve(prompt.size() + static_cast<std::size_t>(rules.max_tokens));
    }
    running_[0].ids.assign(prompt.begin(), prompt.end());
    running_[0].row = row;
    live_ = 1;
    candidates_.clear(2 * options.beams);
  }

  bool done() const { return done_; }
  int prompt() const { return prompt_; }
  std::span<const running_beam> running() const { return {running_.data(), static_cast<std::size_t>(live_)}; }
  // Filled with the tokens of the running beams before each call of `take`, which empties it.
  beam_candidates& candidates() { return candidates_; }

  // Step number `step` (from 1) over the best 2 beams candidates: those that stop become hypotheses, the best others
  // run on.
  void take(int step) {
    const auto best = candidates_.best();
    const bool last = step == rules_.max_tokens, newest = options_.rule == beam_rule::transformers_5;
    int filled = 0, rank = 0;
    for (const beam_candidate& c : best) {
      const running_beam& from = running_[static_cast<std::size_t>(c.beam)];
      const bool stops = c.token == rules_.stop, counts = rank++ < options_.beams;
      if (counts && (stops || (newest && last))) add(from.ids, c.token, c.sum, c.log_probability, stops);
      if (stops || filled == options_.beams) continue;
      running_beam& to = next_[static_cast<std::size_t>(filled++)];
      to.ids.assign(from.ids.begin(), from.ids.end());
      to.ids.push_back(c.token);
      to.sum = c.sum, to.log_probability = c.log_probability, to.row = from.row;
    }
    std::swap(running_, next_);
    live_ = filled;
    const bool full = static_cast<int>(finished_.size()) == options_.beams;
    const double top = newest ? (live_ > 0 ? running_[0].sum : -INFINITY) : best.empty() ? -INFINITY : best[0].sum;
    done_ = live_ == 0 || (newest && last) ||
            (full && (options_.stop_early || finished_.back().score >= options_.attainable(top, prompt_, step)));
    candidates_.clear(2 * options_.beams);
  }

  // The rows of the model's next step, numbered from `row` on: parents and tokens are appended.
  void go_on(std::vector<int>& parents, std::vector<int>& tokens) {
    for (running_beam& b : std::span(running_.data(), static_cast<std::size_t>(live_))) {
      const int row = static_cast<int>(parents.size());
      parents.push_back(b.row), tokens.push_back(b.ids.back());
      b.row = row;
    }
  }

  // The best hypotheses, best first. A search that was not done gives its running beams as well.
  std::vector<generated> finish() {
    if (!done_)
      for (const running_beam& b : running())
        if (static_cast<int>(b.ids.size()) > prompt_)
          add({b.ids.data(), b.ids.size() - 1}, b.ids.back(), b.sum, b.log_probability, false);
    if (finished_.size() > static_cast<std::size_t>(options_.best))
      finished_.resize(static_cast<std::size_t>(options_.best));
    return std::move(finished_);
  }

 private:
  // Keeps the best `beams`, best first; of equal ones those that came first.
  void add(std::span<const int> ids, int token, double sum, double log_probability, bool stopped) {
    const int made = static_cast<int>(ids.size()) + 1 - prompt_;
    const double score = options_.score(sum, prompt_, made, stopped);
    if (static_cast<int>(finished_.size()) == options_.beams) {
      if (!(score > finished_.back().score)) return;
      finished_.pop_back();
    }
    generated g{{ids.begin() + prompt_, ids.end()}, log_probability, score, stopped};
    g.tokens.push_back(token);
    const auto place = std::upper_bound(finished_.begin(), finished_.end(), score,
                                        [](double a, const generated& b) { return a > b.score; });
    finished_.insert(place, std::move(g));
  }

  beam_options options_;
  token_rules rules_;
  int prompt_, live_ = 0;
  bool done_ = false;
  std::vector<running_beam> running_, next_;
  std::vector<generated> finished_;
  beam_candidates candidates_;
};

}  // namespace blip::inline BLIP_ABI
