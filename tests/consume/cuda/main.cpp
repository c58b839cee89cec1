// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstdio>

#include "blip/backend/cuda.hpp"
#include "blip/backend/reference.hpp"
#include "blip/blip.hpp"

namespace {

template <class B>
double first_number() {
  using namespace blip;
  owned<linear<linear_config{.in = 3, .out = 2}, B>, B> layer(1);
  device<B> dev;
  const buffer<B, typename B::scalar> x(std::vector<typename B::scalar>{1, 2, 3});
  auto t = layer.inference(dev);
  return static_cast<double>(to_host(layer->forward(t, t.template input<3>({x.data(), 1, 3, 3, nullptr})))[0]);
}

}  // namespace

// A layer of a stranger's project on a GPU, from a source that no CUDA compiler sees; without a GPU an error says so.
int main() {
  using namespace blip;
  std::printf("blip %d.%d.%d: ", version.major, version.minor, version.patch);
  try {
    const double difference = first_number<cuda>() - first_number<reference<double>>();
    std::printf("%g\n", difference);
    return std::abs(difference) < 1e-2 ? 0 : 1;  // products of bf16
  } catch (const device_error& e) {
    std::printf("no GPU: %s\n", e.what());
    return gpu_count() == 0 ? 0 : 1;
  }
}
