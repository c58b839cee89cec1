// SPDX-License-Identifier: Apache-2.0
#include "blip/optim/non_finite.hpp"

#include "blip/backend/cpu.hpp"
#include "blip/backend/reference.hpp"
#include "blip/optim/adamw.hpp"
#include "blip/optim/clip.hpp"
#include "blip/optim/ema.hpp"
#include "optim/handmade.hpp"
#include "support/catch.hpp"
#include "support/fenced.hpp"

using namespace blip;
using namespace blip_test;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// What a step of training does after the backward pass.
template <class B>
class trainer {
 public:
  explicit trainer(int stop_after = 3) : policy(stop_after) {
    fill(m, 1);
    momentum = m.values.clone();
  }

  void prepare(std::uint64_t seed) {
    m.gradients.clear();
    fill_gradients(m, seed);
  }
  void poison(int entry, int element, double by) {
    numbers g = m.gradient(entry);
    at(g, element) = by;
    m.gradient(entry, g);
  }
  verdict step(double loss = 1) {
    norm.measure(m.dev, m.gradients);
    const verdict v = policy.judge(loss, norm);
    if (v == verdict::skip) return v;
    ema(m.dev, 0.9, m.values, momentum);
    optimiser.step(m.dev, m.values, m.gradients, 1e-2, clip_factor(norm.all(), 1));
    return v;
  }
  // Values, moments, step counts, the momentum copy.
  numbers state() {
    numbers all;
    for (const arena<B>* a : {&m.values, &optimiser.first_moment(), &optimiser.second_moment(), &momentum})
      for (const double x : m.all(*a)) all.push_back(x);
    for (const std::int64_t n : optimiser.steps()) all.push_back(static_cast<double>(n));
    return all;
  }

  handmade<B> m{usual};
  adamw<B> optimiser{m.values.layout()};
  arena<B> momentum;
  gradient_norm<B> norm;
  non_finite policy;
};

}  // namespace

TEMPLATE_TEST_CASE("non_finite: a NaN or infinity in any gradient is named and changes nothing", "[optim]",
                   reference<double>, cpu, fenced) {
  trainer<TestType> t(1000);
  t.prepare(1);
  CHECK(t.step() == verdict::go);
  CHECK(t.policy.culprit().empty());
  const numbers before = t.state();
  for (int e = 0; e < t.m.count(); ++e)
    for (const int element : {0, t.m.size(e) / 2, t.m.size(e) - 1})
      for (const double by : {blip_test::nan, infinity, -infinity}) {
        INFO(at(usual, e).name << " element " << element << " is " << by);
        t.prepare(2);
        t.poison(e, element, by);
        CHECK(t.step() == verdict::skip);
        CHECK(t.policy.culprit() == "the gradient of " + at(usual, e).name);
        CHECK(difference_of_bits(t.state(), before) == "");
      }
}

TEMPLATE_TEST_CASE("non_finite: denormal and large numbers count, those with an infinite square do not", "[optim]",
                   reference<double>, cpu) {
  constexpr bool single = std::is_same_v<TestType, cpu>;
  const auto least = static_cast<double>(std::numeric_limits<float>::denorm_min());
  const double large = single ? 1.8e19 : 1e154, most = single ? 3.4e38 : 1.7e308;
  for (const double by : {least, large, -large, most, -most}) {
    trainer<TestType> t;
    t.prepare(1);
    t.poison(1, 4000, by);
    const bool counts = std::abs(by) <= large;
    CHECK(t.step() == (counts ? verdict::go : verdict::skip));
    CHECK(t.policy.culprit() == (counts ? "" : "the gradient of proj.weight"));
    // Also without clipping a moment holds no infinity.
    if (counts) t.optimiser.step(t.m.dev, t.m.values, t.m.gradients, 1e-2);
    for (const double x : t.state()) REQUIRE(std::isfinite(x));
  }
}

TEST_CASE("non_finite: the loss counts, and the first of several gradients is named", "[optim]") {
  trainer<cpu> t(1000);
  t.prepare(1);
  const numbers before = t.state();
  for (const double loss : {blip_test::nan, infinity, -infinity}) {
    CHECK(t.step(loss) == verdict::skip);
    CHECK(t.policy.culprit() == "the loss");
  }
  t.poison(3, 1, blip_test::nan), t.poison(2, 5, infinity);
  CHECK(t.step(blip_test::nan) == verdict::skip);
  CHECK(t.policy.culprit() == "the gradient of proj.bias");
  CHECK(difference_of_bits(t.state(), before) == "");
}

TEST_CASE("non_finite: a gradient that no loss reached does not count", "[optim]") {
  trainer<cpu> t;
  t.prepare(1);
  t.poison(3, 1, blip_test::nan);
  t.m.gradients.clear();
  for (const int i : {0, 1, 2}) t.m.touch(i);
  CHECK(t.step() == verdict::go);
}

TEMPLATE_TEST_CASE("non_finite: skipped steps leave no trace", "[optim]", reference<double>, cpu) {
  trainer<TestType> clean, disturbed;
  for (std::uint64_t s = 0; s < 4; ++s) {
    clean.prepare(s), clean.step();
    for (int bad = 0; bad < 2; ++bad) {
      disturbed.prepare(s + 50);
      disturbed.poison(1, static_cast<int>(s) * 1000, blip_test::nan);
      CHECK(disturbed.step() == verdict::skip);
    }
    disturbed.prepare(s), disturbed.step();
  }
  CHECK(difference_of_bits(clean.state(), disturbed.state()) == "");
}

TEST_CASE("non_finite: the third such step in a row stops the run and names the tensor", "[optim]") {
  trainer<cpu> t;
  t.prepare(1);
  t.poison(1, 17, infinity);
  const numbers before = t.state();
  CHECK(t.step() == verdict::skip);
  CHECK(t.step() == verdict::skip);
  CHECK(t.policy.in_a_row() == 2);
  try {
    t.step();
    FAIL("nothing was thrown");
  } catch (const numeric_error& e) {
    CHECK(e.where() == "training: the gradient of proj.weight is not finite");
    CHECK(e.actual().find("3 (loss 1.0") == 0);
    CHECK_FALSE(e.hint().empty());
  }
  CHECK(difference_of_bits(t.state(), before) == "");
  t.prepare(1);
  CHECK(t.step() == verdict::go);
  CHECK(t.policy.in_a_row() == 0);
  trainer<cpu> strict(1);
  CHECK_THROWS_AS(strict.step(blip_test::nan), numeric_error);
  CHECK_THROWS_AS(non_finite(0), config_error);
}
