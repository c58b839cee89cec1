// SPDX-License-Identifier: Apache-2.0
//
// Pre-trains a tiny BLIP for three steps on the GPU and on the oracle and compares the losses. Status 77 without a GPU,
// which must show as a device_error.
#include <cmath>
#include <cstdio>
#include <vector>

#include "blip/backend/cuda.hpp"
#include "blip/backend/reference.hpp"
#include "blip/train/train_step.hpp"
#include "train/tiny_pretraining.hpp"

namespace {

template <class B>
std::vector<double> losses(typename B::options o = {}) {
  const auto state = blip_test::make<blip_test::blip_model<B>>();
  blip::device<B> d(o);
  blip::adamw<B> optimiser(state->values().layout());
  blip::non_finite policy;
  std::vector<double> found;
  for (std::uint64_t step = 0; step < 3; ++step) {
    const auto input = blip_test::input_of(state->model(), static_cast<std::int64_t>(step));
    const auto r =
        blip::train_step(d, *state, optimiser, input, {.rate = 1e-3, .alpha = 0.4, .seed = 5, .step = step}, policy);
    found.insert(found.end(), r.losses.begin(), r.losses.end());
  }
  return found;
}

}  // namespace

int main() {
  try {
    const auto expected = losses<blip::reference<double>>(),
               found = losses<blip::cuda>({.products = blip::precision::fp32});
    bool close = true;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      std::printf("%10.6f %10.6f\n", found[i], expected[i]);
      close = close && std::abs(found[i] - expected[i]) <= 1e-4 * std::abs(expected[i]);
    }
    return close ? 0 : 1;
  } catch (const blip::device_error& e) {
    std::printf("no GPU: %s\n", e.what());
    return blip::gpu_count() == 0 ? 77 : 1;
  }
}
