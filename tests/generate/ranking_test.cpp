// SPDX-License-Identifier: Apache-2.0
#include "blip/generate/rank_answers.hpp"
#include "generate/fake_model.hpp"
#include "support/catch.hpp"

using namespace blip;
using namespace blip_test;

namespace {

const std::vector<std::vector<int>> questions{{1}, {5, 3}, {4}};
const std::vector<std::vector<int>> answers{{3, 4, 2}, {5, 2},       {3, 2},    {3, 4, 6, 2},
                                            {6, 6, 2}, {5, 1, 1, 2}, {3, 4, 2}, {0}};

// Sum of smoothed log-probabilities, one sequence at a time.
double likelihood(const fake_model& m, std::vector<int> ids, const std::vector<int>& answer, double smoothing) {
  double sum = 0;
  for (const int token : answer) {
    const numbers p = log_probabilities(m.logits_of(ids));
    double mean = 0;
    for (const double x : p) mean += x / static_cast<double>(p.size());
    sum += (1 - smoothing) * at(p, token) + smoothing * mean;
    ids.push_back(token);
  }
  return sum;
}

}  // namespace

// O27
TEST_CASE("ranking: with a shortlist of all it orders by the likelihood of the whole answer", "[generate]") {
  for (const double smoothing : {0.0, 0.1})
    for (const bool twice : {false, true}) {
      fake_model m(7, 12);
      const auto ranked = rank_answers(m, questions, answers, {.smoothing = smoothing, .first_token_twice = twice});
      for (std::size_t q = 0; q < questions.size(); ++q) {
        const numbers first = log_probabilities(m.logits_of(questions[q]));
        REQUIRE(ranked[q].size() == answers.size());
        for (std::size_t i = 0; i < answers.size(); ++i) {
          const ranked_answer& a = ranked[q][i];
          const std::vector<int>& words = at(answers, a.answer);
          const double whole = likelihood(m, questions[q], words, smoothing), start = at(first, words[0]);
          CHECK(std::abs(a.log_probability - whole) < 1e-12);
          CHECK(std::abs(a.first_probability - std::exp(start)) < 1e-12);
          CHECK(std::abs(a.score - (whole + (twice ? start : 0))) < 1e-12);
          if (i > 0) CHECK(ranked[q][i - 1].score >= a.score);
          if (i > 0 && ranked[q][i - 1].score == a.score) CHECK(ranked[q][i - 1].answer < a.answer);
        }
      }
    }
}

TEST_CASE("ranking: the shortlist is chosen by the first token", "[generate]") {
  fake_model m(7, 12);
  const auto all = rank_answers(m, questions, answers), some = rank_answers(m, questions, answers, {.shortlist = 3});
  for (std::size_t q = 0; q < questions.size(); ++q) {
    REQUIRE(some[q].size() == 3);
    double least = 1;
    for (const ranked_answer& a : some[q]) least = std::min(least, a.first_probability);
    for (const ranked_answer& a : all[q]) {
      const auto found =
          std::find_if(some[q].begin(), some[q].end(), [&](const auto& s) { return s.answer == a.answer; });
      if (found == some[q].end())
        CHECK(a.first_probability <= least);
      else
        CHECK(found->score == a.score);
    }
  }
}

TEST_CASE("ranking: answers that begin alike are computed once", "[generate]") {
  fake_model m(7, 12);
  rank_answers(m, std::span(questions).first(1), answers);
  // After the question: 3, 5, 6; then 3 4, 5 1, 6 6; then 3 4 6, 5 1 1. An answer of one word needs no row.
  CHECK(m.rows_asked == std::vector<std::size_t>{1, 3, 3, 2});
}

TEST_CASE("ranking: lists that make no sense are refused", "[generate]") {
  fake_model m(7);
  CHECK_THROWS_AS(rank_answers(m, questions, {}), shape_error);
  CHECK_THROWS_AS(rank_answers(m, questions, std::vector<std::vector<int>>{{}}), shape_error);
  CHECK_THROWS_AS(rank_answers(m, questions, std::vector<std::vector<int>>{{7}}), shape_error);
  CHECK_THROWS_AS(rank_answers(m, questions, answers, {.shortlist = 0}), shape_error);
  CHECK(rank_answers(m, {}, answers).empty());
}
