// SPDX-License-Identifier: Apache-2.0
//
// Samplers that are told the best tokens only choose what they would choose among all.
#include "blip/generate/beam_search.hpp"
#include "blip/generate/greedy.hpp"
#include "blip/generate/sample.hpp"
#include "generate/fake_model.hpp"
#include "support/catch.hpp"

using namespace blip;
using namespace blip_test;

static_assert(ranking_model<ranking_fake> && !ranking_model<fake_model>);

namespace {

void same(const generated_texts& found, const generated_texts& right) {
  REQUIRE(found.size() == right.size());
  for (std::size_t p = 0; p < found.size(); ++p) {
    REQUIRE(found[p].size() == right[p].size());
    for (std::size_t i = 0; i < found[p].size(); ++i) {
      CHECK(found[p][i].tokens == right[p][i].tokens);
      CHECK(found[p][i].log_probability == right[p][i].log_probability);
      CHECK(found[p][i].score == right[p][i].score);
    }
  }
}

// Rows that samplers asked for in whole, of so many that there were.
std::pair<int, int> compare(const fake_model::rule& logits_of, const token_rules& rules, auto run) {
  constexpr int vocabulary = 90;
  fake_model all(vocabulary, logits_of);
  ranking_fake best(vocabulary, logits_of);
  const std::vector<std::vector<int>> prompts{{1, 5}, {7}, {3, 3, 8}};
  same(run(best, prompts, rules), run(all, prompts, rules));
  std::size_t rows = 0;
  for (const std::size_t n : best.rows_asked) rows += n;
  return {best.rows_told, static_cast<int>(rows)};
}

}  // namespace

TEST_CASE("ranked rows: samplers choose what they would choose among all tokens", "[generate]") {
  const fake_model source(90);
  const auto smooth = [&](const std::vector<int>& ids) { return source.logits_of(ids); };
  // Few different values, so that every comparison meets equal ones.
  const auto coarse = [&](const std::vector<int>& ids) {
    numbers v = source.logits_of(ids);
    for (double& x : v) x = std::round(x);
    return v;
  };
  for (const double penalty : {1.0, 1.3, 0.8})
    for (const int min_tokens : {1, 6}) {
      const token_rules rules{.stop = 2, .min_tokens = min_tokens, .max_tokens = 12, .repetition_penalty = penalty};
      const auto search = [](auto& m, const auto& p, const auto& r) { return beam_search(m, p, r, {.beams = 4, .best = 3}); };
      const auto likeliest = [](auto& m, const auto& p, const auto& r) { return greedy(m, p, r); };
      const auto drawn = [](int top_k, double top_p) {
        return [=](auto& m, const auto& p, const auto& r) {
          return sample(m, p, r, {.filter = {.top_k = top_k, .top_p = top_p}, .samples = 3, .seed = 4});
        };
      };
      for (const fake_model::rule& logits_of : {fake_model::rule(smooth), fake_model::rule(coarse)}) {
        compare(logits_of, rules, search), compare(logits_of, rules, likeliest);
        compare(logits_of, rules, drawn(9, 0.9)), compare(logits_of, rules, drawn(9, 1)), compare(logits_of, rules, drawn(0, 0.9));
      }
      if (penalty == 0.8) continue;  // that brings tokens in which nobody ranked
      for (const auto& [told, rows] : {compare(smooth, rules, search), compare(smooth, rules, likeliest), compare(smooth, rules, drawn(9, 0.9))}) {
        CHECK(rows > 0);
        CHECK(told == 0);
      }
    }
}

TEST_CASE("ranked rows: logits that are not finite are refused", "[generate]") {
  ranking_fake broken(5, [](const std::vector<int>&) { return numbers{0, NAN, 0, 0, 0}; });
  CHECK_THROWS_AS(greedy(broken, std::vector<std::vector<int>>{{1}}, {.stop = 4}), numeric_error);
}
