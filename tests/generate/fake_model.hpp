// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "blip/core/matrix_view.hpp"
#include "blip/generate/log_sum_exp.hpp"
#include "blip/generate/next_token_model.hpp"
#include "support/numbers.hpp"

namespace blip_test {

// A model of few words whose logits are any function of the sequence so far. It counts what it was asked.
class fake_model {
 public:
  using scalar = double;
  using rule = std::function<numbers(const std::vector<int>&)>;

  fake_model(int words, rule logits_of) : words_(words), logits_of_(std::move(logits_of)) {}
  // Logits between -2 and 2 that every token of the sequence changes.
  explicit fake_model(int words, std::uint64_t seed = 1)
      : fake_model(words, [words, seed](const std::vector<int>& ids) {
          std::uint64_t hash = seed;
          for (const int id : ids) hash = (hash ^ static_cast<std::uint64_t>(id + 1)) * 0x100000001b3u;
          return random_numbers(words, hash, -2, 2);
        }) {}

  int vocabulary() const { return words_; }
  int positions() const { return 1000; }
  blip::matrix_view<const double> start(std::span<const std::vector<int>> prompts, int, int) {
    return show({prompts.begin(), prompts.end()});
  }
  blip::matrix_view<const double> step(std::span<const int> parents, std::span<const int> tokens) {
    std::vector<std::vector<int>> next;
    for (std::size_t r = 0; r < parents.size(); ++r) {
      next.push_back(at(rows_, parents[r]));
      next.back().push_back(tokens[r]);
    }
    return show(std::move(next));
  }

  numbers logits_of(const std::vector<int>& ids) const { return logits_of_(ids); }
  std::vector<std::size_t> rows_asked{};  // of each call

 private:
  blip::matrix_view<const double> show(std::vector<std::vector<int>> rows) {
    rows_ = std::move(rows);
    rows_asked.push_back(rows_.size());
    logits_.clear();
    for (const std::vector<int>& ids : rows_)
      for (const double x : logits_of_(ids)) logits_.push_back(x);
    return {logits_.data(), static_cast<int>(rows_.size()), words_, words_, nullptr};
  }

  int words_;
  rule logits_of_;
  std::vector<std::vector<int>> rows_;
  numbers logits_;
};

// The same model, of which only the best are told.
class ranking_fake : public fake_model {
 public:
  using fake_model::fake_model;

  bool rank(int count) {
    count_ = std::min(count, vocabulary());
    return count_ > 0;
  }
  blip::matrix_view<const double> start(std::span<const std::vector<int>> prompts, int rows, int tokens) {
    return tell(fake_model::start(prompts, rows, tokens));
  }
  blip::matrix_view<const double> step(std::span<const int> parents, std::span<const int> tokens) {
    return tell(fake_model::step(parents, tokens));
  }
  blip::token_ranking<double> ranking() const {
    return {static_cast<std::size_t>(count_), best_.data(), tokens_.data(), log_sums_.data()};
  }
  std::span<const double> row(int r) {
    ++rows_told;
    return {all_.row(r), static_cast<std::size_t>(vocabulary())};
  }

  int rows_told = 0;

 private:
  blip::matrix_view<const double> tell(const blip::matrix_view<const double>& all) {
    all_ = all;
    if (count_ == 0) return all;
    best_.clear(), tokens_.clear(), log_sums_.clear();
    numbers copy(static_cast<std::size_t>(vocabulary()));
    for (int r = 0; r < all.rows; ++r) {
      const std::span<const double> row(all.row(r), copy.size());
      log_sums_.push_back(blip::log_sum_exp(row, std::span<double>(copy)));
      std::vector<int> order(copy.size());
      for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(i);
      std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return at(copy, a) > at(copy, b); });
      for (int i = 0; i < count_; ++i) tokens_.push_back(at(order, i)), best_.push_back(at(copy, at(order, i)));
    }
    return {nullptr, all.rows, 0, 0, nullptr};
  }

  int count_ = 0;
  blip::matrix_view<const double> all_;
  numbers best_, log_sums_;
  std::vector<int> tokens_;
};

// log softmax, straight from the definition.
inline numbers log_probabilities(numbers x) {
  long double sum = 0;
  for (const double v : x) sum += std::exp(static_cast<long double>(v));
  for (double& v : x) v = static_cast<double>(static_cast<long double>(v) - std::log(sum));
  return x;
}

}  // namespace blip_test
