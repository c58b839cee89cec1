// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "blip/backend/reference.hpp"
#include "support/catch.hpp"
#include "train/tiny_pretraining.hpp"

using namespace blip_test;

TEMPLATE_TEST_CASE(
    "momentum: with weights that stand still the copy is off by 0.995^n of what it was after n steps (O12)",
    "[oracles]", blip_model<blip::reference<double>>, albef_model<blip::reference<double>>) {
  using B = blip::reference<double>;
  const auto state = make<TestType>();
  blip::device<B> dev;
  auto& copy = state->carried().momentum;
  const auto& layout = *state->values().layout();
  CHECK(copy.size() < state->values().size());  // matching and temperature have no copy
  const auto each = [&](auto f) {
    for (const auto& e : layout.entries())
      if (copy.holds(e)) f(e);
  };
  each([&](const auto& e) { copy.write(e, numbers(static_cast<std::size_t>(e.size()), 0.5)); });

  constexpr int steps = 30;
  for (int step = 0; step < steps; ++step) {
    state->begin(dev);
    state->begin(dev);  // a step that was thrown away and is made again: averaged once all the same
    state->commit();
  }
  int compared = 0;
  each([&](const auto& e) {
    const auto value = state->values().read(e);
    numbers expected = value;
    for (double& x : expected) x += std::pow(0.995, steps) * (0.5 - x);
    CHECK(worst_error(copy.read(e), expected) < 1e-14);
    ++compared;
  });
  CHECK(compared > 20);
}
