// SPDX-License-Identifier: Apache-2.0
#include "blip/generate/greedy.hpp"
#include "blip/generate/sample.hpp"
#include "generate/fake_model.hpp"
#include "support/catch.hpp"

using namespace blip;
using namespace blip_test;

namespace {

const std::vector<std::vector<int>> prompts{{1}, {4, 4}, {5, 1, 3}, {6}};
const token_rules rules{.stop = 2, .max_tokens = 9};

// What a filter leaves of scores, [vocabulary].
numbers left(const numbers& scores, const token_filter& f) {
  token_distribution d;
  numbers p(scores.size());
  for (const token_chance& c : d.of(scores, f)) at(p, c.token) = c.probability;
  return p;
}

void check_equal(const generated_texts& a, const generated_texts& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    REQUIRE(a[i].size() == b[i].size());
    for (std::size_t k = 0; k < a[i].size(); ++k) {
      CHECK(a[i][k].tokens == b[i][k].tokens);
      CHECK(a[i][k].log_probability == b[i][k].log_probability);
    }
  }
}

}  // namespace

TEST_CASE("greedy: takes the likeliest token until the stop id or the limit", "[generate]") {
  fake_model m(7, 4);
  const generated_texts found = greedy(m, prompts, rules);
  int stopped = 0;
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    std::vector<int> ids = prompts[p], made;
    double sum = 0;
    while (made.size() < 9 && (made.empty() || made.back() != 2)) {
      const numbers own = log_probabilities(m.logits_of(ids));
      made.push_back(static_cast<int>(std::max_element(own.begin(), own.end()) - own.begin()));
      sum += at(own, made.back());
      ids.push_back(made.back());
    }
    CHECK(found[p][0].tokens == made);
    CHECK(std::abs(found[p][0].log_probability - sum) < 1e-12);
    CHECK(found[p][0].score == found[p][0].log_probability);
    CHECK(found[p][0].stopped == (made.back() == 2));
    stopped += found[p][0].stopped;
  }
  CHECK((stopped > 0 && stopped < 4));  // the case shows both ends
}

TEST_CASE("greedy: texts that are over are no rows, and when all are the model rests", "[generate]") {
  // Prompt {n}: the stop id is the n-th token.
  fake_model m(9, [](const std::vector<int>& ids) {
    numbers x(9);
    x[2] = static_cast<int>(ids.size()) >= ids[0] ? 5 : -5;
    x[8] = 1;
    return x;
  });
  const auto found = greedy(m, std::vector<std::vector<int>>{{1}, {4}, {1}, {3}}, {.stop = 2, .max_tokens = 20});
  CHECK(m.rows_asked == std::vector<std::size_t>{4, 2, 2, 1});
  CHECK(found[1][0].tokens == std::vector<int>{8, 8, 8, 2});
  CHECK(found[3][0].tokens == std::vector<int>{8, 8, 2});
}

TEST_CASE("rules: no stop id before min_tokens, none at all where there is none", "[generate]") {
  fake_model m(7, [](const std::vector<int>&) { return numbers{0, 0, 9, 0, 1, 0, 0}; });
  CHECK(greedy(m, prompts, {.stop = 2, .min_tokens = 4, .max_tokens = 6})[1][0].tokens == std::vector<int>{4, 4, 4, 2});
  CHECK(greedy(m, prompts, {.stop = 2, .min_tokens = 1, .max_tokens = 6})[1][0].tokens == std::vector<int>{2});
  CHECK(greedy(m, prompts, {.stop = -1, .max_tokens = 3})[1][0].tokens == std::vector<int>{2, 2, 2});
}

TEST_CASE("rules: the repetition penalty acts once on each id of the prompt and the text", "[generate]") {
  const token_rules r{.repetition_penalty = 2};
  numbers s{1, -1, 3, 4, 5};
  r.apply(s, std::vector<int>{1, 1, 3, 1}, 2);
  CHECK(s == numbers{1, -2, 3, 2, 5});
}

TEST_CASE("filter: temperature divides, top-k keeps ties, top-p keeps the token that crosses", "[generate]") {
  const auto logs = [](numbers p) {
    for (double& x : p) x = std::log(x);
    return p;
  };
  const auto near = [](const numbers& a, const numbers& b) {
    REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i) CHECK(std::abs(a[i] - b[i]) < 1e-12);
  };
  const numbers scores = logs({0.1, 0.4, 0.2, 0.3});
  near(left(scores, {}), {0.1, 0.4, 0.2, 0.3});
  near(left(scores, {.temperature = 0.5}), {1 / 30.0, 16 / 30.0, 4 / 30.0, 9 / 30.0});
  near(left(scores, {.top_k = 2}), {0, 4 / 7.0, 0, 3 / 7.0});
  near(left(scores, {.top_k = 9}), {0.1, 0.4, 0.2, 0.3});
  near(left(numbers{1, 2, 1, 0}, {.top_k = 2}),
       left(numbers{1, 2, 1, -INFINITY}, {}));  // two words tie for the second place
  near(left(scores, {.top_p = 0.39}), {0, 1, 0, 0});
  near(left(scores, {.top_p = 0.41}), {0, 4 / 7.0, 0, 3 / 7.0});
  near(left(scores, {.top_p = 1e-9}), {0, 1, 0, 0});
  near(left(scores, {.top_k = 2, .top_p = 0.5}), {0, 1, 0, 0});  // of the mass that top-k left: 4/7
  near(left(numbers{1, 2, -INFINITY, 0}, {.top_p = 0.9999}), left(numbers{1, 2, -INFINITY, 0}, {}));
  numbers many = random_numbers(1000, 3, -4, 4);
  const numbers kept = left(many, {.top_p = 0.8}), all = left(many, {});
  double mass = 0, least = 1, most_dropped = 0;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (kept[i] > 0) mass += all[i], least = std::min(least, all[i]);
    if (kept[i] == 0) most_dropped = std::max(most_dropped, all[i]);
  }
  CHECK((mass > 0.8 && mass - least <= 0.8 && most_dropped <= least));
}

TEST_CASE("sampling: a low temperature is greedy", "[generate]") {
  fake_model m(7, 4);
  check_equal(sample(m, prompts, rules, {.filter = {.temperature = 1e-4}, .seed = 5}), greedy(m, prompts, rules));
  check_equal(sample(m, prompts, rules, {.filter = {.top_k = 1}, .seed = 5}), greedy(m, prompts, rules));
}

TEST_CASE("sampling: frequencies are the distribution's", "[generate]") {
  fake_model m(7, 8);
  const int draws = 20000;
  const auto texts =
      sample(m, std::vector<std::vector<int>>{{3}}, {.stop = -1, .max_tokens = 2}, {.samples = draws, .seed = 77})[0];
  // The pair of tokens, 49 cells; chi-square with 48 degrees of freedom exceeds 85 once in 1000.
  numbers expected, count(49);
  const numbers first = log_probabilities(m.logits_of({3}));
  for (int a = 0; a < 7; ++a) {
    const numbers second = log_probabilities(m.logits_of({3, a}));
    for (int b = 0; b < 7; ++b) expected.push_back(draws * std::exp(at(first, a) + at(second, b)));
  }
  for (const generated& t : texts) ++at(count, t.tokens[0] * 7 + t.tokens[1]);
  double chi = 0;
  for (int i = 0; i < 49; ++i)
    chi += (at(count, i) - at(expected, i)) * (at(count, i) - at(expected, i)) / at(expected, i);
  CHECK(chi < 85);
}

TEST_CASE("sampling: a text depends on its prompt, its stream and the seed alone", "[generate]") {
  fake_model m(7, 6);
  sampling_options o{.samples = 3, .seed = 9, .streams = {10, 11, 12, 13}};
  const generated_texts together = sample(m, prompts, rules, o);
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    o.streams = {static_cast<std::uint32_t>(10 + p)};
    check_equal(sample(m, std::span(prompts).subspan(p, 1), rules, o), {together[p]});
  }
  o = {.samples = 2, .seed = 9, .streams = {10, 11, 12, 13}};
  const generated_texts fewer = sample(m, prompts, rules, o);
  for (std::size_t p = 0; p < prompts.size(); ++p)
    for (std::size_t k = 0; k < 2; ++k) CHECK(fewer[p][k].tokens == together[p][k].tokens);

  o.seed = 10;
  const generated_texts other = sample(m, prompts, rules, o);
  int differ = 0;
  for (std::size_t p = 0; p < prompts.size(); ++p) differ += other[p][0].tokens != fewer[p][0].tokens;
  CHECK(differ > 0);
  CHECK((fewer[0][0].tokens != fewer[0][1].tokens || fewer[1][0].tokens != fewer[1][1].tokens));
}

TEST_CASE("sampling: a caller may end it and gets what there is", "[generate]") {
  fake_model m(7, 6);
  int calls = 0;
  const auto found = sample(m, prompts, {.stop = -1, .max_tokens = 9}, {}, [&](const generation_progress& p) {
    CHECK(static_cast<int>(p.tokens.size()) == calls / 4 + 1);
    return ++calls < 10;
  });
  CHECK(calls == 10);
  CHECK(m.rows_asked.size() == 3);
  for (std::size_t p = 0; p < 4; ++p) CHECK(found[p][0].tokens.size() == (p < 2 ? 3u : 2u));
}

TEST_CASE("sampling: options that make no sense are refused", "[generate]") {
  fake_model m(7);
  CHECK_THROWS_AS(sample(m, prompts, rules, {.filter = {.temperature = 0}}), config_error);
  CHECK_THROWS_AS(sample(m, prompts, rules, {.filter = {.top_k = -1}}), config_error);
  CHECK_THROWS_AS(sample(m, prompts, rules, {.filter = {.top_p = 0}}), config_error);
  CHECK_THROWS_AS(sample(m, prompts, rules, {.samples = 0}), config_error);
  CHECK_THROWS_AS(sample(m, prompts, rules, {.streams = {1}}), shape_error);
  CHECK_THROWS_AS(sample(m, prompts, {.stop = 2, .min_tokens = 5, .max_tokens = 4}), config_error);
  CHECK_THROWS_AS(sample(m, prompts, {.stop = 2, .repetition_penalty = 0}), config_error);
}
