// SPDX-License-Identifier: Apache-2.0
//
// Whole models train on the emulated GPU, with dropout, momentum copy, queues and drawn negatives.
#include "blip/backend/cuda.hpp"
#include "blip/backend/reference.hpp"
#include "blip/train/train_step.hpp"
#include "support/catch.hpp"
#include "support/simt/simt.hpp"
#include "support/tolerance.hpp"
#include "train/tiny_pretraining.hpp"

using namespace blip;
using namespace blip_test;

namespace {

constexpr int steps = 3;

// Losses of each step, then the norm of its gradients; in the end all weights and the momentum copy.
template <class Model>
numbers train(typename Model::backend_type::options o = {}) {
  using B = typename Model::backend_type;
  const auto state = make<Model>();
  device<B> d(o);
  adamw<B> optimiser(state->values().layout());
  non_finite policy;
  numbers found;
  for (int step = 0; step < steps; ++step) {
    const auto input = input_of(state->model(), step);
    const auto r = train_step(
        d, *state, optimiser, input,
        {.rate = 1e-3, .alpha = 0.4, .clip = 1, .seed = 5, .step = static_cast<std::uint64_t>(step)}, policy);
    found.insert(found.end(), r.losses.begin(), r.losses.end());
    found.push_back(r.gradient_norm);
  }
  for (const auto& e : state->values().layout()->entries())
    for (const auto x : state->values().read(e)) found.push_back(static_cast<double>(x));
  return found;
}

template <template <class> class Model>
void check_training() {
  const numbers expected = train<Model<reference<double>>>();
  const numbers found = train<Model<cuda>>({.products = precision::fp32});
  CHECK(worst_error(found, expected) <= of_float.gradient);
  simt::run_options().seed = 3;
  CHECK(difference_of_bits(train<Model<cuda>>({.products = precision::fp32}), found) == "");
  simt::run_options().seed = 0;
  // Products of bf16 keep the same course, roughly.
  const numbers rounded = train<Model<cuda>>({.products = precision::bf16});
  const auto losses = [](const numbers& v) { return numbers(v.begin(), v.begin() + 3 * steps); };
  CHECK(worst_error(losses(rounded), losses(expected)) <= 5e-2);
}

}  // namespace

TEST_CASE("cuda: BLIP pre-trains as on the oracle, and twice to the same bits", "[cuda][train]") {
  check_training<blip_model>();
}
TEST_CASE("cuda: ALBEF pre-trains as on the oracle, and twice to the same bits", "[cuda][train]") {
  check_training<albef_model>();
}
