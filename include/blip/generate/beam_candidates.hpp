// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace blip::inline BLIP_ABI {

// One way to go on: beam `beam` of a search, followed by a token.
struct beam_candidate {
  double sum = 0;              // of what the search ranks by
  double log_probability = 0;  // the model's own
  int beam = 0, token = 0;
};

// The best `limit` candidates of a step, best first; of equal ones those that were offered first.
class beam_candidates {
 public:
  void clear(int limit) {
    limit_ = static_cast<std::size_t>(limit);
    best_.clear();
    best_.reserve(limit_ + 1);
  }

  // Offers tokens of one beam, 0, 1, 2, ... where none are named: their sums are `sum` + scores[i]. Tokens of score
  // -infinity are not for use.
  void offer(int beam, double sum, std::span<const double> scores, std::span<const int> tokens = {}) {
    double bar = threshold();
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const double s = sum + scores[i];
      if (!(s > bar)) continue;
      best_.push_back({s, 0, beam, tokens.empty() ? static_cast<int>(i) : tokens[i]});
      for (std::size_t at = best_.size() - 1; at > 0 && best_[at - 1].sum < s; --at)
        std::swap(best_[at - 1], best_[at]);
      if (best_.size() > limit_) best_.pop_back();
      bar = threshold();
    }
  }

  std::span<beam_candidate> best() { return best_; }

 private:
  double threshold() const {
    return best_.size() < limit_ ? -std::numeric_limits<double>::infinity() : best_.back().sum;
  }

  std::size_t limit_ = 0;
  std::vector<beam_candidate> best_;
};

}  // namespace blip::inline BLIP_ABI
