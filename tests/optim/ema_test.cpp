// SPDX-License-Identifier: Apache-2.0
#include "blip/optim/ema.hpp"

#include "blip/backend/cpu.hpp"
#include "blip/backend/reference.hpp"
#include "optim/handmade.hpp"
#include "support/catch.hpp"
#include "support/fenced.hpp"

using namespace blip;
using namespace blip_test;

namespace {

// Values and a target of other numbers.
template <class B>
struct averaged {
  explicit averaged(int threads = 2) : m(usual, threads), target(m.values.layout()) {
    fill(m, 7);
    target = m.values.clone();
    fill(m, 1);
  }
  handmade<B> m;
  arena<B> target;
};

}  // namespace

TEMPLATE_TEST_CASE("ema: with constant values it closes in by the momentum's power", "[optim]", reference<double>, cpu,
                   fenced) {
  averaged<TestType> a;
  const numbers value = a.m.all(a.m.values), start = a.m.all(a.target);
  numbers expected = value;
  constexpr int steps = 50;
  for (std::size_t i = 0; i < value.size(); ++i) expected[i] += std::pow(0.995, steps) * (start[i] - value[i]);
  {
    [[maybe_unused]] const step_of<TestType> running;  // nothing is read back
    for (int s = 0; s < steps; ++s) ema(a.m.dev, 0.995, a.m.values, a.target);
  }
  CHECK(worst_error(a.m.all(a.target), expected) < (std::is_same_v<TestType, cpu> ? 1e-5 : 1e-13));
  CHECK(difference_of_bits(a.m.all(a.m.values), value) == "");
}

TEMPLATE_TEST_CASE("ema: momentum 1 is the identity, momentum 0 a copy", "[optim]", reference<double>, cpu) {
  averaged<TestType> a;
  a.m.value(0, {blip_test::nan}), a.m.value(2, numbers(53, -0.0));
  const numbers start = a.m.all(a.target);
  ema(a.m.dev, 1, a.m.values, a.target);
  CHECK(difference_of_bits(a.m.all(a.target), start) == "");
  ema(a.m.dev, 0, a.m.values, a.target);
  CHECK(difference_of_bits(a.m.all(a.target), a.m.all(a.m.values)) == "");
}

TEMPLATE_TEST_CASE("ema: a target may hold the first entries only", "[optim]", reference<double>, cpu, fenced) {
  averaged<TestType> a;
  const auto& second = a.m.layout().entries()[1];
  arena<TestType> part(a.m.values.layout(), second.offset + second.size());
  ema(a.m.dev, 0, a.m.values, part);
  fill(a.m, 40);
  ema(a.m.dev, 0.75, a.m.values, part);
  const numbers found = a.m.of(part, 1), value = a.m.value(1), start = random_numbers(53 * 89, 2);
  double worst = 0;
  for (std::size_t i = 0; i < found.size(); ++i)
    worst = std::max(worst, std::abs(found[i] - (0.75 * start[i] + 0.25 * value[i])));
  CHECK(worst < 1e-6);
  CHECK_FALSE(part.holds(a.m.layout().entries()[2]));
  arena<TestType> nothing;
  ema(a.m.dev, 0.5, a.m.values, nothing);  // a model whose losses need no momentum copy
}

TEST_CASE("ema: same bits for 1, 2 and 3 threads", "[optim]") {
  const auto run = [](int threads) {
    averaged<cpu> a(threads);
    for (int s = 0; s < 3; ++s) ema(a.m.dev, 0.9, a.m.values, a.target);
    return a.m.all(a.target);
  };
  const numbers one = run(1);
  for (const int threads : {2, 3}) CHECK(difference_of_bits(run(threads), one) == "");
}

TEST_CASE("ema: refuses another layout, a longer target and a momentum out of range", "[optim]") {
  averaged<cpu> a, other;
  CHECK_THROWS_AS(ema(a.m.dev, 0.9, a.m.values, other.target), shape_error);
  arena<cpu> part(a.m.values.layout(), 16);
  CHECK_THROWS_AS(ema(a.m.dev, 0.9, part, a.target), shape_error);
  for (const double momentum : {-0.1, 1.5, blip_test::nan})
    CHECK_THROWS_AS(ema(a.m.dev, momentum, a.m.values, a.target), config_error);
}
