// SPDX-License-Identifier: Apache-2.0
#include "blip/tasks/profile.hpp"

#include <cmath>
#include <utility>

#include "blip/tasks/answerer.hpp"
#include "blip/tasks/grounder.hpp"
#include "blip/tasks/multimodal_features.hpp"
#include "blip/tasks/retriever.hpp"
#include "support/backends.hpp"
#include "support/catch.hpp"
#include "tasks/tiny_judge.hpp"

using namespace blip;
using namespace blip_test;

TEST_CASE("profile: by the names of the weights; judged pairs are marked unless a profile is asked for", "[tasks]") {
  CHECK(profile_of(weights_layout::official) == profile::official);
  CHECK(profile_of(weights_layout::lavis) == profile::lavis);
  CHECK(profile_of(weights_layout::transformers) == profile::transformers);
  CHECK(profile_of(weights_layout::bert) == profile::official);
  for (const auto layout : {weights_layout::official, weights_layout::lavis, weights_layout::transformers}) {
    const profile_rules usual = usual_rules(layout), &named = rules_of(profile_of(layout));
    CHECK((usual.marked_match && usual.marked_pairs));
    CHECK((usual.beams == named.beams && usual.prompt == named.prompt &&
           usual.cleaned_questions == named.cleaned_questions && usual.marked_questions == named.marked_questions &&
           usual.albef_closes == named.albef_closes && usual.albef_adds_similarity == named.albef_adds_similarity));
  }
}

TEST_CASE("profile: options follow a profile, and what is set behind it overrides it", "[tasks]") {
  captioner_options c{.batch = 3};
  c.follow(rules_of(profile::lavis));
  CHECK((c.prompt == "a picture of " && c.beam.rule == beam_rule::transformers_4_15 && c.batch == 3));
  c.follow(rules_of(profile::transformers));
  CHECK((c.prompt.empty() && c.beam.rule == beam_rule::transformers_5 && c.batch == 3));

  answerer_options a{.longest = 9};
  a.follow(rules_of(profile::transformers), false);
  CHECK((!a.cleaned && !a.marked && a.beam.rule == beam_rule::transformers_5 && a.longest == 9));
  a.cleaned = true;
  CHECK((a.cleaned && !a.marked));
  struct {
    profile p;
    double smoothing;
    bool twice;
    pair_score score;
  } const albef[] = {{profile::official, 0, true, pair_score::itm},
                     {profile::lavis, 0.1, false, pair_score::itm_and_itc},
                     {profile::transformers, 0, true, pair_score::itm}};
  for (const auto& expected : albef) {
    retriever_options r;
    a.follow(rules_of(expected.p), true), r.follow(rules_of(expected.p), true);
    CHECK((a.ranking->smoothing == expected.smoothing && a.ranking->first_token_twice == expected.twice));
    CHECK(r.score == expected.score);
    a.follow(rules_of(expected.p), false), r.follow(rules_of(expected.p), false);
    CHECK((a.ranking->smoothing == 0.1 && !a.ranking->first_token_twice && r.score == pair_score::itm_and_itc));
    grounder_options g;
    g.follow(rules_of(expected.p));
    CHECK((r.marked == (expected.p != profile::transformers) && g.marked == r.marked));
    matcher_options m;
    m.follow(rules_of(expected.p));
    CHECK(m.marked == (expected.p == profile::lavis));
  }
}

namespace {

// Every task that judges a pair leaves [CLS] in place where it is told so; ALBEF's texts begin with it anyway.
template <class Model>
void check_unmarked() {
  using B = typename Model::backend_type;
  const double near = std::is_same_v<B, cpu> ? 2e-5 : 1e-6;
  const tiny_judge<Model> j;
  const seen_world w = world_of(4);
  device<B> d;
  const matcher<Model> match(*j.model, j.model.values(), j.tokens,
                             {.view = view, .longest = longest, .marked = false});
  const std::vector<double> p = match.probabilities(d, w.pictures, w.texts),
                            other = matcher<Model>(*j.model, j.model.values(), j.tokens,
                                                   {.view = view, .longest = longest})
                                        .probabilities(d, w.pictures, w.texts);
  const retriever<Model> find(*j.model, j.model.values(), j.tokens,
                              {.view = view, .longest = longest, .marked = false});
  std::vector<pair_of> own;
  for (int i = 0; i < 4; ++i) own.push_back({i, i});
  const std::vector<double> logits = find.logits(d, find.pictures(d, w.pictures), find.texts(d, w.texts), own);
  const grounder<Model> ground(*j.model, j.model.values(), j.tokens,
                               {.view = view, .longest = longest, .marked = false});
  const std::vector<grounding> maps = ground(d, w.pictures, w.texts);
  const feature_rows rows = multimodal_features(d, *j.model, j.model.values(), j.tokens, w.pictures, w.texts,
                                                {.view = view, .longest = longest, .marked = false});
  const auto weight = j.model.values().read("itm_head.weight"), bias = j.model.values().read("itm_head.bias");
  double furthest = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const double logit = j.logit(d, w.pictures[i], w.texts[i], false);
    CHECK(std::abs(logits[i] - logit) < near);
    CHECK(std::abs(maps[i].objective - logit) < near);
    double z[2];
    for (std::size_t k = 0; k < 2; ++k) {
      z[k] = static_cast<double>(bias[k]);
      for (std::size_t c = 0; c < 12; ++c)
        z[k] += static_cast<double>(weight[12 * k + c]) * static_cast<double>(rows.row(static_cast<int>(i))[c]);
    }
    CHECK(std::abs(z[1] - logit) < 2e-5);
    CHECK(std::abs(p[i] - 1 / (1 + std::exp(z[0] - z[1]))) < 2e-5);
    furthest = std::max(furthest, std::abs(p[i] - other[i]));
  }
  CHECK((tiny_judge<Model>::fuses ? furthest == 0 : furthest > 1e-3));
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("profile: pairs that are not marked begin with [CLS], in every task that judges them",
                        "[tasks]", test::golden_backends) {
  check_unmarked<blip_matching<TestType>>();
  check_unmarked<albef_matching<TestType>>();
}

TEST_CASE("profile: with a tokenizer that closes texts ALBEF's answers have one [SEP], as LAVIS's questions do",
          "[tasks]") {
  using M = albef_answerer<albef_answerer_structure(vision, text_of(cross_schedule::from_layer)), cpu>;
  const wordpiece open = albef_words(),
                  closed = albef_tokenizer(vocabulary(scenes::word_list(scenes::world_size::nano)), true);
  CHECK((closed.closes() && !open.closes() && closed.encode("a ring") == open.encode("a ring[SEP]")));
  tower_options sizes = options_of(3, 1, open.size());
  sizes.decoder = albef_decoder_options(sizes.text);
  owned<M, cpu> model{7, sizes, std::remove_cvref_t<decltype(std::declval<M&>().template loss_at<0>())>()};
  scatter(model.values());
  const seen_world w = world_of(1);
  const std::vector<std::string> answers{"red", "a red circle", "no"}, asked{"what is red"},
      asked_closed{"what is red[SEP]"};
  answerer_options o{.view = view, .longest = longest};
  o.follow(rules_of(profile::lavis), true);
  o.cleaned = false;  // or the brackets would go
  device<cpu> d({.threads = 1});
  const auto a = answerer<M>(*model, model.values(), closed, o).rank(d, w.pictures, asked, answers);
  const auto b = answerer<M>(*model, model.values(), open, o).rank(d, w.pictures, asked_closed, answers);
  REQUIRE((a.at(0).size() == 3 && b.at(0).size() == 3));
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(a[0][i].text == b[0][i].text);
    CHECK(difference_of_bits({a[0][i].details.score}, {b[0][i].details.score}) == "");
  }
}
