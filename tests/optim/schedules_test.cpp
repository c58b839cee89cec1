// SPDX-License-Identifier: Apache-2.0
#include "blip/optim/schedules.hpp"

#include "blip/optim/alpha_ramp.hpp"
#include "support/catch.hpp"

using namespace blip;

namespace {

bool close(double found, double expected, double relative = 1e-12) {
  return std::abs(found - expected) <= relative * std::abs(expected);
}

static_assert(schedule<albef_cosine> && schedule<albef_tanh> && schedule<albef_step> && schedule<blip_step_decay>);
static_assert(schedule<blip_cosine> && schedule<linear_warmup_cosine> && schedule<constant_rate>);
static_assert(schedule<step_cosine> && schedule<alpha_ramp> && !schedule<int>);

}  // namespace

TEST_CASE("albef_cosine: pre-training as published", "[optim]") {
  const albef_cosine lr{.rate = 1e-4, .min_rate = 1e-5, .warmup_rate = 1e-5, .warmup_hundreds = 20, .epochs = 30};
  CHECK(close(lr({0, 0, 2500}), 1e-5));
  CHECK(close(lr({0, 100, 2500}), 1e-5));
  CHECK(close(lr({0, 101, 2500}), 1.45e-5));
  CHECK(close(lr({0, 1000, 2500}), 5.05e-5));
  CHECK(close(lr({0, 1001, 2500}), 5.5e-5));  // what the loop sets after iteration 1000
  CHECK(close(lr({0, 2001, 2500}), 1e-4));
  CHECK(close(lr({0, 2499, 2500}), 1e-4));
  CHECK(close(lr({15, 0, 2500}), 5.5e-5));
  CHECK(close(lr({15, 2499, 2500}), 5.5e-5));
  CHECK(close(lr({29, 0, 2500}), 1e-5 + 4.5e-5 * (1 + std::cos(29 * std::numbers::pi / 30))));
  CHECK(close(lr({29, 0, 2500}), 1.0247e-5, 1e-4));
  CHECK(lr({30, 0, 2500}) == 1e-5);
  CHECK(lr({45, 0, 2500}) == 1e-5);
}

TEST_CASE("albef_cosine: an epoch 0 shorter than the warm-up leaves it where it is", "[optim]") {
  const albef_cosine lr{.rate = 2e-5, .min_rate = 1e-6, .warmup_rate = 1e-5, .warmup_hundreds = 4, .epochs = 8};
  CHECK(close(lr({0, 249, 250}), 1.5e-5));
  CHECK(close(lr({1, 0, 250}), 1e-6 + 9.5e-6 * (1 + std::cos(std::numbers::pi / 8))));
}

TEST_CASE("albef_cosine: without a warm-up it begins at the rate", "[optim]") {
  const albef_cosine lr{.warmup_hundreds = 0};
  for (const std::int64_t i : {0, 1, 777}) CHECK(lr({0, i, 2500}) == 1e-4);
}

TEST_CASE("albef_step and albef_tanh: the count includes the warm-up", "[optim]") {
  const albef_step step{.rate = 1e-4, .decay = 0.5, .warmup_rate = 1e-6, .warmup_hundreds = 3, .every = 4};
  CHECK(close(step.at_count(1), 3.4e-5));
  CHECK(close(step({0, 101, 500}), 3.4e-5));
  CHECK(close(step({0, 301, 500}), 1e-4));
  CHECK(close(step({1, 0, 500}), 5e-5));  // count 4
  CHECK(close(step({5, 0, 500}), 2.5e-5));
  const albef_tanh curve{};
  CHECK(close(curve.at_count(12), 5.05e-5));  // the middle: the tangent's argument is 0
  CHECK(close(curve({9, 3, 500}), 5.05e-5));
  CHECK(curve.at_count(20) == 1e-6);
}

TEST_CASE("blip_step_decay: pre-training as published", "[optim]") {
  const blip_step_decay lr{};
  CHECK(close(lr({0, 0, 5000}), 1e-6));
  CHECK(close(lr({0, 1500, 5000}), 1.505e-4));
  CHECK(close(lr({0, 3000, 5000}), 3e-4));
  CHECK(close(lr({0, 4999, 5000}), 3e-4));
  CHECK(close(lr({1, 0, 5000}), 2.7e-4));  // a run that begins here has no warm-up
  CHECK(close(lr({10, 0, 5000}), 1.04604e-4, 1e-5));
  CHECK(close(lr({19, 0, 5000}), 4.0526e-5, 2e-5));
  CHECK(lr({100, 0, 5000}) == 1e-6);
}

TEST_CASE("blip_cosine: captioning as published, constant within an epoch", "[optim]") {
  const blip_cosine lr{.rate = 1e-5, .min_rate = 0, .epochs = 5};
  CHECK(close(lr({0, 0, 90}), 1e-5));
  CHECK(close(lr({2, 0, 90}), 6.5451e-6, 1e-5));
  CHECK(lr({2, 0, 90}) == lr({2, 89, 90}));
}

TEST_CASE("linear_warmup_cosine and constant_rate: the warm-up ends with epoch 0", "[optim]") {
  const linear_warmup_cosine lr{.rate = 2e-5, .min_rate = 1e-6, .warmup_rate = 1e-5, .warmup_steps = 650, .epochs = 10};
  CHECK(close(lr({0, 0, 900}), 1e-5));
  CHECK(close(lr({0, 325, 900}), 1.5e-5));
  CHECK(close(lr({0, 650, 900}), 2e-5));
  CHECK(close(lr({0, 899, 900}), 2e-5));
  CHECK(close(lr({1, 0, 300}), 1e-6 + 9.5e-6 * (1 + std::cos(std::numbers::pi / 10))));
  CHECK(linear_warmup_cosine{.rate = 3e-5}({0, 0, 9}) == 3e-5);
  const constant_rate same{.rate = 2e-5, .warmup_rate = 1e-5, .warmup_steps = 10};
  CHECK(close(same({0, 5, 9}), 1.5e-5));
  CHECK(same({3, 5, 9}) == 2e-5);
  CHECK(constant_rate{.rate = 3e-5}({0, 0, 9}) == 3e-5);
}

TEST_CASE("step_cosine: rises to the rate, falls to the least and stays there, counted in updates", "[optim]") {
  const step_cosine lr{.rate = 2e-3, .min_rate = 1e-4, .warmup_steps = 4, .steps = 20};
  CHECK(close(lr({0, 0, 20}), 5e-4));  // never 0
  CHECK(close(lr({0, 2, 20}), 1.5e-3));
  CHECK(close(lr({0, 3, 20}), 2e-3));
  CHECK(close(lr({0, 4, 20}), 2e-3));
  CHECK(close(lr({0, 8, 20}), 1e-4 + 1.9e-3 * (1 + std::cos(std::numbers::pi / 4)) / 2));
  CHECK(close(lr({0, 12, 20}), 1.05e-3));  // half way
  CHECK(close(lr({0, 20, 20}), 1e-4));
  CHECK(close(lr({0, 1000, 2000}), 1e-4));
  for (std::int64_t n = 4; n < 20; ++n) CHECK(lr({0, n + 1, 20}) < lr({0, n, 20}));
}

TEST_CASE("step_cosine: how a run is cut into epochs does not matter", "[optim]") {
  const step_cosine lr{.rate = 3e-4, .warmup_steps = 5, .steps = 33};
  for (int n = 0; n < 40; ++n)
    for (const int epoch : {1, 4, 7}) CHECK(lr({n / epoch, n % epoch, epoch}) == lr({0, n, 1000}));
}

TEST_CASE("step_cosine: without a warm-up, or with nothing but one", "[optim]") {
  const step_cosine at_once{.rate = 3e-4, .min_rate = 1e-5, .steps = 10};
  CHECK(at_once({0, 0, 10}) == 3e-4);
  CHECK(close(at_once({0, 5, 10}), 1.55e-4));
  const step_cosine rising{.rate = 3e-4, .min_rate = 1e-5, .warmup_steps = 10, .steps = 10};
  CHECK(close(rising({0, 9, 10}), 3e-4));
  CHECK(close(rising({0, 11, 10}), 1e-5));
  CHECK(step_cosine{.rate = 3e-4}({0, 0, 1}) == 3e-4);
}

TEST_CASE("alpha_ramp: over two epochs, one, or none", "[optim]") {
  const alpha_ramp blip{.alpha = 0.4, .epochs = 2}, albef{.alpha = 0.4, .epochs = 1},
      constant{.alpha = 0.4, .epochs = 0};
  CHECK(blip({0, 0, 100}) == 0);
  CHECK(close(blip({0, 50, 100}), 0.1));
  CHECK(close(blip({1, 50, 100}), 0.3));
  CHECK(blip({2, 0, 100}) == 0.4);
  CHECK(blip({7, 13, 100}) == 0.4);
  CHECK(albef({0, 0, 100}) == 0);
  CHECK(close(albef({0, 50, 100}), 0.2));
  CHECK(albef({1, 0, 100}) == 0.4);
  CHECK(constant({0, 0, 100}) == 0.4);
}
