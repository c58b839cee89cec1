// SPDX-License-Identifier: Apache-2.0
#include "blip/backend/cpu.hpp"
#include "blip/blip.hpp"

// The same layer on another back end, in another translation unit.
double second_unit() {
  using namespace blip;
  owned<linear<linear_config{.in = 3, .out = 2}, cpu>, cpu> layer(1);
  device<cpu> dev;
  const float x[] = {1, 2, 3};
  auto t = layer.inference(dev);
  return to_host(layer->forward(t, t.input<3>({x, 1, 3, 3, nullptr})))[0];
}
