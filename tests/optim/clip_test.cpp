// SPDX-License-Identifier: Apache-2.0
#include "blip/optim/clip.hpp"

#include "blip/backend/cpu.hpp"
#include "blip/backend/reference.hpp"
#include "blip/optim/adamw.hpp"
#include "blip/optim/gradient_norm.hpp"
#include "optim/handmade.hpp"
#include "support/catch.hpp"
#include "support/fenced.hpp"

using namespace blip;
using namespace blip_test;

TEMPLATE_TEST_CASE("gradient_norm: the root of all squares, untouched gradients left out", "[optim]", reference<double>,
                   cpu, fenced) {
  handmade<TestType> m(usual);
  fill_gradients(m, 3);
  m.gradient(3, numbers(15, blip_test::nan));
  m.gradients.clear();
  for (const int i : {0, 1, 2}) m.touch(i);
  gradient_norm<TestType> norm;
  norm.measure(m.dev, m.gradients);
  long double sum = 0;
  for (const int i : {0, 1, 2}) {
    long double squares = 0;
    for (const double x : m.gradient(i)) squares += static_cast<long double>(x) * x;
    sum += squares;
    CHECK(std::abs(norm.of(i) - static_cast<double>(std::sqrt(squares))) < 1e-11);
  }
  CHECK(std::abs(norm.all() - static_cast<double>(std::sqrt(sum))) < 1e-11);
  CHECK(norm.of(3) == 0);
  CHECK(norm.finite());
}

TEST_CASE("gradient_norm: same bits for 1, 2 and 3 threads, and no overflow of large floats", "[optim]") {
  numbers found;
  for (const int threads : {1, 2, 3}) {
    handmade<cpu> m(usual, threads);
    fill_gradients(m, 3, 3e38);
    gradient_norm<cpu> norm;
    norm.measure(m.dev, m.gradients);
    CHECK(std::isfinite(norm.all()));
    CHECK_FALSE(norm.finite());  // a second moment would overflow
    found.push_back(norm.all());
  }
  CHECK((found[0] > 1e39 && found[0] == found[1] && found[0] == found[2]));
}

TEST_CASE("clip_factor: torch's formula", "[optim]") {
  CHECK(clip_factor(0.5, 1) == 1);
  CHECK(clip_factor(0, 1) == 1);
  CHECK(clip_factor(4, 1) == 1 / (4 + 1e-6));
  CHECK(clip_factor(1, 1) == 1 / (1 + 1e-6));
}

TEMPLATE_TEST_CASE("clip: leaves a norm of `most`, the directions, and what no loss reached", "[optim]",
                   reference<double>, cpu, fenced) {
  handmade<TestType> m(usual);
  fill_gradients(m, 5);
  m.gradients.clear();
  for (const int i : {0, 1, 3}) m.touch(i);
  const numbers before = m.gradient(1), untouched = m.gradient(2);
  gradient_norm<TestType> norm;
  norm.measure(m.dev, m.gradients);
  const double all = norm.all();
  clip(m.dev, m.gradients, all, 1e9);
  CHECK(difference_of_bits(m.gradient(1), before) == "");
  clip(m.dev, m.gradients, all, 0.5);
  norm.measure(m.dev, m.gradients);
  CHECK(std::abs(norm.all() - 0.5) < 1e-6);
  numbers expected = before;
  for (double& x : expected) x *= 0.5 / (all + 1e-6);
  CHECK(worst_error(m.gradient(1), expected) < 1e-6);
  CHECK(difference_of_bits(m.gradient(2), untouched) == "");
}

TEMPLATE_TEST_CASE("clip: on the way through adamw it has the bits of clipping before", "[optim]", reference<double>,
                   cpu) {
  handmade<TestType> before(usual), way(usual);
  adamw<TestType> first(before.values.layout()), second(way.values.layout());
  fill(before, 1), fill(way, 1);
  for (std::uint64_t step = 0; step < 3; ++step) {
    fill_gradients(before, step), fill_gradients(way, step);
    gradient_norm<TestType> norm;
    norm.measure(before.dev, before.gradients);
    clip(before.dev, before.gradients, norm.all(), 1);
    first.step(before.dev, before.values, before.gradients, 1e-2);
    norm.measure(way.dev, way.gradients);
    second.step(way.dev, way.values, way.gradients, 1e-2, clip_factor(norm.all(), 1));
  }
  CHECK(difference_of_bits(before.all(before.values), way.all(way.values)) == "");
  CHECK(difference_of_bits(before.all(first.second_moment()), way.all(second.second_moment())) == "");
}
