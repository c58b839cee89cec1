// SPDX-License-Identifier: Apache-2.0
#include "blip/backend/cpu.hpp"
#include "blip/backend/reference.hpp"
#include "blip/layers/linear.hpp"
#include "blip/layers/owned.hpp"
#include "blip/ops/reduce.hpp"
#include "blip/ops/scale.hpp"
#include "support/catch.hpp"
#include "support/numbers.hpp"

using namespace blip;
using namespace blip_test;

// The loss is the mean over 6 rows of a weighted sum of the outputs.
TEMPLATE_TEST_CASE("gradients: two half batches with scaled losses give the gradient of the whole", "[optim]",
                   reference<double>, cpu) {
  using B = TestType;
  using S = typename B::scalar;
  owned<linear<linear_config{.in = 7, .out = 5}, B>, B> layer(1);
  device<B> d;
  const auto host = [](int n, std::uint64_t seed) {
    const numbers v = random_numbers(n, seed);
    return std::vector<S>(v.begin(), v.end());
  };
  const buffer<B, S> x{std::span<const S>(host(6 * 7, 2))}, weights{std::span<const S>(host(6 * 5, 3))};
  const auto backward = [&](int first, int rows, double share) {
    auto t = layer.recording(d);
    const auto in = t.template input<7>({x.data() + first * 7, rows, 7, 7, nullptr});
    const auto sum = ops::weighted_sum(t, layer->forward(t, in), {weights.data() + first * 5, rows, 5, 5, nullptr});
    t.backward(ops::scale(t, sum, share / rows));
  };
  const auto gradient = [&] {
    numbers all;
    for (const char* name : {"weight", "bias"})
      for (const S v : layer.gradients().values().read(name)) all.push_back(static_cast<double>(v));
    return all;
  };
  backward(0, 6, 1);
  const numbers whole = gradient();
  layer.gradients().clear();
  backward(0, 3, 0.5);
  backward(3, 3, 0.5);
  CHECK(worst_error(gradient(), whole) < (std::is_same_v<B, cpu> ? 1e-6 : 1e-14));
  CHECK(largest(whole) > 0.1);
}
