// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "blip/core/matrix_view.hpp"
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

// log softmax, straight from the definition.
inline numbers log_probabilities(numbers x) {
  long double sum = 0;
  for (const double v : x) sum += std::exp(static_cast<long double>(v));
  for (double& v : x) v = static_cast<double>(static_cast<long double>(v) - std::log(sum));
  return x;
}

}  // namespace blip_test
