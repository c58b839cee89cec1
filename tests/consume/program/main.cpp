// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "blip/backend/cpu.hpp"
#include "blip/backend/reference.hpp"
#include "blip/blip.hpp"

double second_unit();

// A layer of a stranger's project, in two units of it.
int main() {
  using namespace blip;
  using B = reference<double>;
  owned<linear<linear_config{.in = 3, .out = 2}, B>, B> layer(1);
  device<B> dev;
  const double x[] = {1, 2, 3};
  auto t = layer.inference(dev);
  const auto y = to_host(layer->forward(t, t.input<3>({x, 1, 3, 3, nullptr})));
  std::printf("blip %d.%d.%d: %g\n", version.major, version.minor, version.patch, y[0] - second_unit());
  return y.size() == 2 && y[0] - second_unit() < 1e-6 ? 0 : 1;
}
