// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "blip/core/error.hpp"

namespace blip::inline BLIP_ABI {

struct token_chance {
  int token = 0;
  double probability = 0;
};

// Which tokens may be drawn, applied in this order. The published captioner's nucleus sampling is {.top_k = 50,
// .top_p = 0.9} with a repetition penalty of 1.1.
struct token_filter {
  double temperature = 1;
  int top_k = 0;     // the k most likely (and what ties with the last); 0: all
  double top_p = 1;  // the most likely whose mass exceeds p, the one that crosses included; 1: all

  void check() const {
    const bool ok = temperature > 0 && std::isfinite(temperature) && top_k >= 0 && top_p > 0;
    if (!ok)
      throw config_error({"token_filter: temperature, top_k, top_p", "positive; top_k may be 0",
                          std::to_string(temperature) + ", " + std::to_string(top_k) + ", " + std::to_string(top_p),
                          "greedy() takes the most likely token, as a temperature of 0 would"});
  }
};

// The distribution that a token is drawn from:  softmax(scores / temperature) over the tokens that the filter keeps.
// Source: "The curious case of neural text degeneration" (Holtzman et al. 2020); warpers of transformers 4.15.
class token_distribution {
 public:
  // What is kept, in order of falling probability where the filter ranks, else of tokens: 0, 1, 2, ..., or those that
  // are named. Valid until the next call.
  std::span<const token_chance> of(std::span<const double> scores, const token_filter& f,
                                   std::span<const int> tokens = {}) {
    kept_.clear();
    for (std::size_t i = 0; i < scores.size(); ++i)
      if (scores[i] > -INFINITY) kept_.push_back({tokens.empty() ? static_cast<int>(i) : tokens[i], scores[i] / f.temperature});
    if (f.top_k > 0) keep_likeliest(static_cast<std::size_t>(f.top_k));
    double top = -INFINITY, sum = 0;
    for (const token_chance& c : kept_) top = std::max(top, c.probability);
    for (token_chance& c : kept_) sum += c.probability = std::exp(c.probability - top);
    for (token_chance& c : kept_) c.probability /= sum;
    if (f.top_p < 1) keep_mass(f.top_p);
    return kept_;
  }

  // The token at u in [0, 1) of what `of` gave last.
  int at(double u) const {
    double below = 0;
    for (const token_chance& c : kept_)
      if (u < (below += c.probability)) return c.token;
    return kept_.back().token;  // rounding: the sum may fall short of 1
  }

 private:
  static bool likelier(const token_chance& a, const token_chance& b) {
    return a.probability != b.probability ? a.probability > b.probability : a.token < b.token;
  }

  using place = std::vector<token_chance>::iterator;
  // Sorts the likeliest of [first, end) into [first, middle).
  [[gnu::noinline]] static void rank(place first, place middle, place end) {
    std::partial_sort(first, middle, end, likelier);
  }

  void keep_likeliest(std::size_t k) {
    if (k >= kept_.size()) return;
    const auto end = kept_.begin() + static_cast<std::ptrdiff_t>(k);
    rank(kept_.begin(), end, kept_.end());
    const double last = (end - 1)->probability;
    const auto tied = std::partition(end, kept_.end(), [last](const token_chance& c) { return c.probability == last; });
    rank(end, tied, tied);
    kept_.erase(tied, kept_.end());
  }

  void keep_mass(double p) {
    double sum = 0;
    std::size_t n = 0;
    // Sorts no further than the mass needs.
    for (std::size_t sorted = 0, step = 64; n < kept_.size() && sum <= p; ++n) {
      if (n == sorted) {
        sorted = std::min(kept_.size(), sorted + step), step *= 4;
        rank(kept_.begin() + static_cast<std::ptrdiff_t>(n), kept_.begin() + static_cast<std::ptrdiff_t>(sorted),
             kept_.end());
      }
      sum += kept_[n].probability;
    }
    kept_.resize(n);
    for (token_chance& c : kept_) c.probability /= sum;
  }

  std::vector<token_chance> kept_;
};

}  // namespace blip::inline BLIP_ABI
