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

// What the published code calls copy_params.
TEMPLATE_TEST_CASE("momentum: a restart makes the copy what the values are by then", "[oracles]",
                   blip_model<blip::reference<double>>, albef_model<blip::reference<double>>) {
  const auto state = make<TestType>();
  const auto& copy = state->carried().momentum;
  const auto distance = [&] {
    double worst = 0;
    for (const auto& e : state->values().layout()->entries())
      if (copy.holds(e)) worst = std::max(worst, worst_error(copy.read(e), state->values().read(e)));
    return worst;
  };
  CHECK(distance() == 0);
  for (const auto& e : state->values().layout()->entries())
    state->values().write(e, random_numbers(static_cast<int>(e.size()), 5 + static_cast<std::uint64_t>(e.offset)));
  CHECK(distance() > 0.5);
  state->restart();
  CHECK(distance() == 0);
}

TEMPLATE_TEST_CASE("momentum: its dropout is on or off while that of the model is on", "[oracles]",
                   blip_model<blip::reference<double>>, albef_model<blip::reference<double>>) {
  using B = blip::reference<double>;
  const auto state = make<TestType>();
  blip::device<B> dev;
  state->begin(dev);
  const auto in = input_of(**state, 0);
  const auto feature = [&](const std::string& name, int step, bool stochastic, bool momentum_stochastic) {
    numbers seen;
    const auto look = [&](std::string_view shown, const blip::matrix_view<const double>& x) {
      if (shown == name) seen = blip::to_host<B>(x);
    };
    const blip::step_observer<B> observe(look);
    dev.set_step(static_cast<std::uint64_t>(step));
    auto t = state->recording(dev, {.stochastic = stochastic});
    (*state)->loss(t, state->carried(), *in.begin(), {.momentum_stochastic = momentum_stochastic, .observe = &observe});
    state->discard();
    REQUIRE(!seen.empty());
    return seen;
  };
  const std::string own = "text_feature", copied = "momentum.text_feature";
  const numbers plain = feature(copied, 1, false, true);
  CHECK(feature(copied, 1, true, true) != plain);
  CHECK(feature(copied, 1, true, true) != feature(copied, 2, true, true));
  CHECK(feature(copied, 1, true, false) == plain);
  CHECK(feature(copied, 2, true, false) == plain);
  CHECK(feature(own, 1, true, false) != feature(own, 2, true, false));
}
