// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <limits>

#include "blip/core/philox.hpp"
#include "blip/eval/average_precision.hpp"
#include "blip/eval/roc_auc.hpp"
#include "support/catch.hpp"

using namespace blip;

TEST_CASE("ROC area: the share of pairs that are in order, ties counting half", "[eval]") {
  std::vector<int> labels;
  std::vector<double> scores;
  for (std::uint32_t i = 0; i < 97; ++i) {
    const auto w = philox({i, 0, 0, 0}, {3, 5});
    labels.push_back(w[0] % 3 == 0);
    scores.push_back(static_cast<double>(w[1] % 11) - 5);  // many ties
  }
  double won = 0, pairs = 0;
  for (std::size_t i = 0; i < labels.size(); ++i)
    for (std::size_t j = 0; j < labels.size(); ++j)
      if (labels[i] && !labels[j]) won += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0, ++pairs;
  CHECK(roc_auc(labels, scores) == Approx(won / pairs).epsilon(1e-13));

  std::vector<double> turned;
  for (const double s : scores) turned.push_back(-s);
  CHECK(roc_auc(labels, turned) == Approx(1 - won / pairs).epsilon(1e-13));
}

TEST_CASE("average precision: by hand, and the share of positives when all scores are equal", "[eval]") {
  const std::vector<int> labels{1, 0, 1, 0};
  CHECK(average_precision(labels, std::vector<double>{4, 3, 2, 1}) == Approx((1.0 + 2.0 / 3) / 2));
  CHECK(average_precision(labels, std::vector<double>{7, 7, 7, 7}) == Approx(0.5));
}

TEST_CASE("ranking: what has no answer is refused", "[eval]") {
  const std::vector<double> two{1, 2}, bad{1, std::numeric_limits<double>::quiet_NaN()};
  CHECK_THROWS_AS(roc_auc(std::vector<int>{1, 1}, two), shape_error);
  CHECK_THROWS_AS(roc_auc(std::vector<int>{0, 0}, two), shape_error);
  CHECK_THROWS_AS(roc_auc(std::vector<int>{0}, two), shape_error);
  CHECK_THROWS_AS(roc_auc(std::vector<int>{0, 1}, bad), numeric_error);
  CHECK_THROWS_AS(average_precision(std::vector<int>{0, 0}, two), shape_error);
  CHECK_THROWS_AS(average_precision(std::vector<int>{}, std::vector<double>{}), shape_error);
}
