// SPDX-License-Identifier: Apache-2.0
#include "blip/ops/cross_entropy.hpp"
#include "blip/ops/reduce.hpp"
#include "support/laws.hpp"

using namespace blip_test;

TEST_CASE("cross entropy with labels obeys the laws", "[ops][loss]") {
  for (const double smoothing : {0.0, 0.1})
    check_laws(op([=](auto& t, const auto&, const auto& a) {
      return blip::ops::cross_entropy(t, a.scores(0), a.ints(0), smoothing).ref();
    }), {.inputs = {{.rows = 5, .width = 37, .low = -4, .high = 4}}, .ints = {{{3, -100, 0, 36, 3}}}});
}

TEST_CASE("cross entropy with a teacher obeys the laws", "[ops][loss]") {
  for (const double smoothing : {0.0, 0.1})
    check_laws(op([=](auto& t, const auto&, const auto& a) {
      using B = typename std::remove_cvref_t<decltype(t)>::backend_type;
      return blip::ops::cross_entropy(t, a.scores(0),
                                      blip::ops::class_targets<B>{a.ints(0), smoothing, a.tensor(1), 0.4}).ref();
    }), {.inputs = {{.rows = 5, .width = 37, .low = -4, .high = 4}, {.rows = 5, .width = 37, .gradient = false, .low = -4, .high = 4}},
         .ints = {{{3, -100, 0, 36, 3}}}});
}

// O16
TEST_CASE("a student that equals its teacher has no gradient", "[ops][loss]") {
  const numbers logits = random_numbers(2 * 9, 3);
  const law_case c{.inputs = {{.rows = 2, .width = 9, .values = logits}, {.rows = 2, .width = 9, .gradient = false, .values = logits}},
                   .ints = {{{3, 8}}}};
  const auto s = op([](auto& t, const auto&, const auto& a) {
    using B = typename std::remove_cvref_t<decltype(t)>::backend_type;
    return blip::ops::cross_entropy(t, a.scores(0), blip::ops::class_targets<B>{a.ints(0), 0, a.tensor(1), 1.0}).ref();
  });
  const law_result r = s.reference(c)->record({logits, logits}, {1, 1});
  for (const double g : r.gradients[0]) CHECK(std::abs(g) < 1e-15);
}

TEST_CASE("cross entropy with distributions obeys the laws", "[ops][loss]") {
  check_laws(op([](auto& t, const auto&, const auto& a) {
    return blip::ops::soft_cross_entropy(t, a.scores(0), a.scores(1)).ref();
  }), {.inputs = {{.rows = 5, .width = 37, .low = -4, .high = 4}, {.rows = 5, .width = 37, .gradient = false, .low = 0}}});
}

TEST_CASE("cross entropy of equal logits is the logarithm of the classes", "[ops][loss]") {
  const law_case c{.inputs = {{.rows = 2, .width = 32, .values = numbers(64, 0.25)}}, .ints = {{{3, 31}}}};
  const auto s = op([](auto& t, const auto&, const auto& a) {
    return blip::ops::cross_entropy(t, a.scores(0), a.ints(0), 0.1).ref();
  });
  for (const double x : s.reference(c)->infer({c.inputs[0].values}).y) CHECK(std::abs(x - std::log(32)) < 1e-14);
  for (const double x : s.cpu(c, {})->infer({c.inputs[0].values}).y) CHECK(std::abs(x - std::log(32)) < 1e-6);
}

TEST_CASE("huge logits stay finite", "[ops][loss]") {
  numbers logits(40, -1e4);
  logits[7] = 1e4;
  const law_case c{.inputs = {{.rows = 1, .width = 40, .values = logits}}, .ints = {{{7}}}};
  const auto s = op([](auto& t, const auto&, const auto& a) { return blip::ops::cross_entropy(t, a.scores(0), a.ints(0)).ref(); });
  CHECK(s.cpu(c, {})->infer({logits}).y[0] == 0);
  const law_result r = s.cpu(c, {})->record({logits}, {1});
  for (const double g : r.gradients[0]) CHECK(std::abs(g) < 1e-30);
}

TEST_CASE("reductions obey the laws", "[ops][loss]") {
  check_laws(op([](auto& t, const auto&, const auto& a) {
    return blip::ops::weighted_sum(t, a.x(0, w<37>), a.tensor(1)->value).ref();
  }), {.inputs = {{6, 37}, {.rows = 6, .width = 37, .gradient = false}}});
  check_laws(op([](auto& t, const auto&, const auto& a) { return blip::ops::weighted_sum(t, a.x(0, w<37>)).ref(); }),
             {.inputs = {{.rows = 6, .width = 37, .live = 4}}});
  check_laws(op([](auto& t, const auto&, const auto& a) { return blip::ops::mean_labelled(t, a.x(0, w<1>), a.ints(0)).ref(); }),
             {.inputs = {{6, 1}}, .ints = {{{3, -1, 0, -100, 5, 1}}}});
  check_laws(op([](auto& t, const auto&, const auto& a) { return blip::ops::mean_labelled(t, a.x(0, w<1>)).ref(); }),
             {.inputs = {{6, 1}}});
}

TEST_CASE("a batch without any label has the loss 0", "[ops][loss]") {
  const law_case c{.inputs = {{3, 1}}, .ints = {{{-1, -1, -1}}}};
  const auto s = op([](auto& t, const auto&, const auto& a) { return blip::ops::mean_labelled(t, a.x(0, w<1>), a.ints(0)).ref(); });
  CHECK(s.reference(c)->infer({{1, 2, 3}}).y[0] == 0);
  CHECK(s.cpu(c, {})->infer({{1, 2, 3}}).y[0] == 0);
}
