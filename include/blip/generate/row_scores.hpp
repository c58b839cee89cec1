// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "blip/generate/log_sum_exp.hpp"
#include "blip/generate/next_token_model.hpp"
#include "blip/generate/token_rules.hpp"

namespace blip::inline BLIP_ABI {

// What a sampler sees of one row of a model's answer: scores under the rules, of all tokens in their order or, of a
// ranking_model, of those that may be among the best it asks for.
template <next_token_model M>
class row_scores {
 public:
  using logits_view = matrix_view<const typename M::scalar>;

  // `wanted`: how many of the best tokens the sampler looks at, 0 for all. `normalised`: scores are log-probabilities,
  // else logits, when the rules are applied.
  row_scores(M& model, std::span<const std::vector<int>> prompts, const token_rules& rules, bool normalised, int wanted)
      : model_(model), rules_(rules), normalised_(normalised), wanted_(wanted) {
    if constexpr (ranking_model<M>) {
      // A penalty takes any token of the text away from the best, and below 1 brings others in; min_tokens takes one.
      std::size_t longest = 0;
      for (const auto& prompt : prompts) longest = std::max(longest, prompt.size());
      const int spare = 2 + (rules.repetition_penalty > 1 ? static_cast<int>(longest) + rules.max_tokens : 0);
      ranked_ = model.rank(wanted > 0 && rules.repetition_penalty >= 1 ? wanted + spare : 0);
    }
  }

  row_scores(const row_scores&) = delete;
  row_scores& operator=(const row_scores&) = delete;
  ~row_scores() {
    if constexpr (ranking_model<M>) model_.rank(0);  // who asks the model next gets logits
  }

  // Row `row` of the answer, for a sequence `ids` whose first `prompt` ids were given.
  void read(const logits_view& logits, int row, std::span<const int> ids, int prompt) {
    if constexpr (ranking_model<M>)
      if (ranked_ && read_ranked(row, ids, prompt)) return;
    tokens_.clear();
    scores_.resize(static_cast<std::size_t>(model_.vocabulary()));
    log_sum_ = log_sum_exp(whole(logits, row), std::span<double>(scores_));
    if (normalised_)
      for (double& x : scores_) x -= log_sum_;
    rules_.apply(scores_, ids, prompt);
  }

  std::span<const double> scores() const { return scores_; }
  // The tokens that these are of; empty: 0, 1, 2, ...
  std::span<const int> tokens() const { return tokens_; }
  int token(std::size_t i) const { return tokens_.empty() ? static_cast<int>(i) : tokens_[i]; }
  // Of the row's softmax, before the rules.
  double log_sum() const { return log_sum_; }
  // A logit of the model, of any row.
  double logit(const logits_view& logits, int row, int token) const {
    if constexpr (ranking_model<M>)
      if (ranked_) {
        const auto r = model_.ranking().of(row);
        if (const auto at = std::find(r.tokens.begin(), r.tokens.end(), token); at != r.tokens.end())
          return static_cast<double>(r.logits[static_cast<std::size_t>(at - r.tokens.begin())]);
      }
    return static_cast<double>(whole(logits, row)[static_cast<std::size_t>(token)]);
  }

 private:
  std::span<const typename M::scalar> whole(const logits_view& logits, int row) const {
    if constexpr (ranking_model<M>)
      if (ranked_) return model_.row(row);
    return {logits.row(row), static_cast<std::size_t>(model_.vocabulary())};
  }

  // False where a token that was not ranked might be among the best.
  bool read_ranked(int row, std::span<const int> ids, int prompt) {
    const auto r = model_.ranking().of(row);
    log_sum_ = finite_log_sum(r.log_sum);
    const double shift = normalised_ ? log_sum_ : 0;
    in_order_.clear();
    for (std::size_t i = 0; i < r.tokens.size(); ++i)
      in_order_.emplace_back(r.tokens[i], static_cast<double>(r.logits[i]) - shift);
    const double bar = in_order_.back().second;
    std::sort(in_order_.begin(), in_order_.end());
    tokens_.clear(), scores_.clear();
    for (const auto& [token, score] : in_order_) tokens_.push_back(token), scores_.push_back(score);
    rules_.apply(scores_, tokens_, ids, prompt);
    const auto above = std::count_if(scores_.begin(), scores_.end(), [bar](double s) { return s > bar; });
    return above >= wanted_ || static_cast<int>(tokens_.size()) == model_.vocabulary();
  }

  M& model_;
  const token_rules& rules_;
  bool normalised_, ranked_ = false;
  int wanted_;
  double log_sum_ = 0;
  std::vector<double> scores_;
  std::vector<int> tokens_;
  std::vector<std::pair<int, double>> in_order_;
};

}  // namespace blip::inline BLIP_ABI
