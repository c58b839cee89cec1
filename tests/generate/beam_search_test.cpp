// SPDX-License-Identifier: Apache-2.0
#include "blip/generate/beam_search.hpp"

#include "blip/generate/greedy.hpp"
#include "generate/fake_model.hpp"
#include "support/catch.hpp"

using namespace blip;
using namespace blip_test;

namespace {

constexpr beam_rule every_rule[]{beam_rule::transformers_4_15, beam_rule::transformers_4_30, beam_rule::transformers_5};

struct text {
  std::vector<int> tokens;
  double log_probability, score;
};

// Every text that the rules allow, with its score under a rule: what no search can beat.
void enumerate(const fake_model& m, const token_rules& rules, const beam_options& o, std::vector<int> ids,
               std::size_t prompt, double log_probability, double sum, std::vector<text>& all) {
  const numbers own = log_probabilities(m.logits_of(ids));
  const int made = static_cast<int>(ids.size() - prompt) + 1;
  for (int token = 0; token < m.vocabulary(); ++token) {
    double p = at(own, token);
    if (std::find(ids.begin(), ids.end(), token) != ids.end()) p *= rules.repetition_penalty;  // p < 0
    const bool stops = token == rules.stop;
    if (stops && made < rules.min_tokens) continue;
    std::vector<int> longer = ids;
    longer.push_back(token);
    if (stops || made == rules.max_tokens) {
      const int length = o.rule == beam_rule::transformers_5 ? made : static_cast<int>(prompt) + made - (stops ? 1 : 0);
      all.push_back({{longer.begin() + static_cast<std::ptrdiff_t>(prompt), longer.end()},
                     log_probability + at(own, token),
                     (sum + p) / std::pow(length, o.length_penalty)});
    } else {
      enumerate(m, rules, o, longer, prompt, log_probability + at(own, token), sum + p, all);
    }
  }
}

}  // namespace

TEST_CASE("beam search: wide enough, it finds what enumeration finds, in the same order", "[generate]") {
  for (const beam_rule rule : every_rule)
    for (const double length_penalty : {0.0, 1.0, 2.0, -1.0})
      for (const double repetition_penalty : {1.0, 1.3}) {
        const token_rules rules{.stop = 2, .min_tokens = 2, .max_tokens = 4, .repetition_penalty = repetition_penalty};
        const beam_options options{.beams = 1600, .best = 12, .length_penalty = length_penalty, .rule = rule};
        fake_model m(7, 11);
        const std::vector<std::vector<int>> prompts{{3, 5}, {6}};
        const generated_texts found = beam_search(m, prompts, rules, options);
        REQUIRE(found.size() == prompts.size());
        for (std::size_t p = 0; p < prompts.size(); ++p) {
          std::vector<text> all;
          enumerate(m, rules, options, prompts[p], prompts[p].size(), 0, 0, all);
          std::sort(all.begin(), all.end(), [](const text& a, const text& b) { return a.score > b.score; });
          REQUIRE(found[p].size() == 12);
          for (std::size_t i = 0; i < 12; ++i) {
            CHECK(found[p][i].tokens == all[i].tokens);
            CHECK(std::abs(found[p][i].log_probability - all[i].log_probability) < 1e-12);
            CHECK(std::abs(found[p][i].score - all[i].score) < 1e-12);
            CHECK(found[p][i].stopped == (all[i].tokens.back() == 2));
          }
        }
      }
}

// The newer rules would look on for a longer text that is better by length; the older one ends with the exact tie.
TEST_CASE("beam search: one beam is greedy", "[generate]") {
  for (const beam_rule rule : every_rule)
    for (std::uint64_t seed = 1; seed < 30; ++seed) {
      fake_model m(7, seed);
      const std::vector<std::vector<int>> prompts{{1}, {4, 4}};
      const token_rules rules{.stop = 2, .max_tokens = 9};
      const generated_texts one = beam_search(
          m, prompts, rules, {.beams = 1, .stop_early = rule != beam_rule::transformers_4_15, .rule = rule});
      const generated_texts best = greedy(m, prompts, rules);
      for (std::size_t p = 0; p < prompts.size(); ++p) {
        CHECK(one[p][0].tokens == best[p][0].tokens);
        CHECK(one[p][0].log_probability == best[p][0].log_probability);
      }
    }
}

TEST_CASE("beam search: the best texts are different, sorted, and no shorter than asked", "[generate]") {
  for (const beam_rule rule : every_rule)
    for (std::uint64_t seed = 1; seed < 20; ++seed) {
      fake_model m(7, seed);
      const auto found =
          beam_search(m, std::vector<std::vector<int>>{{1, 3}}, {.stop = 2, .min_tokens = 4, .max_tokens = 8},
                      {.beams = 5, .best = 5, .rule = rule})[0];
      REQUIRE(found.size() == 5);
      for (std::size_t i = 0; i < found.size(); ++i) {
        CHECK(found[i].tokens.size() >= 4);
        for (std::size_t j = 0; j < i; ++j) {
          CHECK(found[j].score >= found[i].score);
          CHECK(found[j].tokens != found[i].tokens);
        }
      }
    }
}

TEST_CASE("beam search: a text does not depend on its neighbours, nor on how many there are", "[generate]") {
  const std::vector<std::vector<int>> prompts{{1}, {4, 4}, {5, 1, 3}, {6}};
  for (const beam_rule rule : every_rule) {
    const token_rules rules{.stop = 2, .max_tokens = 7};
    const beam_options options{.beams = 3, .best = 3, .rule = rule};
    fake_model m(7, 5);
    const generated_texts together = beam_search(m, prompts, rules, options);
    for (std::size_t p = 0; p < prompts.size(); ++p) {
      const auto alone = beam_search(m, std::span(prompts).subspan(p, 1), rules, options)[0];
      REQUIRE(alone.size() == together[p].size());
      for (std::size_t i = 0; i < alone.size(); ++i) {
        CHECK(alone[i].tokens == together[p][i].tokens);
        CHECK(alone[i].score == together[p][i].score);
      }
    }
  }
}

TEST_CASE("beam search: a search that has ended asks the model for nothing more", "[generate]") {
  // After prompt {1} the stop id is all but certain; after {3} it comes after five words.
  fake_model m(5, [](const std::vector<int>& ids) {
    numbers x(5);
    x[2] = ids[0] == 1 || ids.size() > 5 ? 30 : -30;
    x[4] = 1;
    return x;
  });
  const auto found = beam_search(m, std::vector<std::vector<int>>{{1}, {3}}, {.stop = 2, .max_tokens = 20},
                                 {.beams = 2, .stop_early = true});
  CHECK(found[0][0].tokens == std::vector<int>{2});
  CHECK(found[1][0].tokens == std::vector<int>{4, 4, 4, 4, 4, 2});
  CHECK(m.rows_asked[0] == 2);  // each prompt is read once
  CHECK(m.rows_asked[1] == 4);
  CHECK(m.rows_asked[2] == 2);      // the first has its two hypotheses
  CHECK(m.rows_asked.size() == 6);  // both beams of the second stop
}

TEST_CASE("beam search: the rules divide by different lengths", "[generate]") {
  // Six ids of which four were given, the stop id the last of three generated.
  beam_options o{.rule = beam_rule::transformers_4_15};
  CHECK(o.score(-12, 4, 3, true) == -2);
  CHECK(o.score(-14, 4, 3, false) == -2);
  CHECK(o.attainable(-12, 4, 3) == -2);  // exactly what the stop id just stored has
  o.rule = beam_rule::transformers_4_30;
  CHECK(o.score(-12, 4, 3, true) == -2);
  CHECK(o.attainable(-14, 4, 3) == -2);
  o.rule = beam_rule::transformers_5;
  CHECK(o.score(-12, 4, 3, true) == -4);
  CHECK(o.score(-12, 4, 3, false) == -4);
  CHECK(o.attainable(-12, 4, 3) == -4);
  o.length_penalty = 2;
  CHECK(o.score(-18, 4, 3, true) == -2);
}

TEST_CASE("beam search: a caller may end it and gets what there is", "[generate]") {
  for (const beam_rule rule : every_rule) {
    fake_model m(7, 3);
    int calls = 0;
    std::vector<int> seen;
    const auto found = beam_search(m, std::vector<std::vector<int>>{{1}}, {.stop = 2, .min_tokens = 9, .max_tokens = 9},
                                   {.beams = 3, .rule = rule}, [&](const generation_progress& p) {
                                     seen.assign(p.tokens.begin(), p.tokens.end());
                                     return ++calls < 4;
                                   });
    CHECK(calls == 4);
    CHECK(m.rows_asked.size() == 4);
    REQUIRE(found[0].size() == 1);
    CHECK(found[0][0].tokens == seen);
    CHECK_FALSE(found[0][0].stopped);
  }
}

TEST_CASE("beam search: options that make no sense are refused", "[generate]") {
  fake_model m(7);
  const std::vector<std::vector<int>> prompts{{1}};
  CHECK_THROWS_AS(beam_search(m, prompts, {.stop = 2}, {.beams = 0}), config_error);
  CHECK_THROWS_AS(beam_search(m, prompts, {.stop = 2}, {.beams = 2, .best = 3}), config_error);
  CHECK_THROWS_AS(beam_search(m, prompts, {.stop = 2}, {.length_penalty = NAN}), config_error);
  CHECK_THROWS_AS(beam_search(m, prompts, {.stop = 7}), config_error);
  CHECK_THROWS_AS(beam_search(m, std::vector<std::vector<int>>{{}}, {.stop = 2}), config_error);
  CHECK_THROWS_AS(beam_search(m, std::vector<std::vector<int>>{{7}}, {.stop = 2}), config_error);
  CHECK_THROWS_AS(beam_search(m, prompts, {.stop = 2, .max_tokens = 1001}), config_error);
  fake_model broken(7, [](const std::vector<int>&) { return numbers(7, NAN); });
  CHECK_THROWS_AS(beam_search(broken, prompts, {.stop = 2}), numeric_error);
  CHECK(beam_search(m, {}, {.stop = 2}).empty());
}
