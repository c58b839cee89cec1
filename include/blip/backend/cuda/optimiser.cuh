// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "blip/backend/cuda/loops.cuh"
#include "blip/backend/cuda/optimiser.hpp"

namespace blip::inline BLIP_ABI {

namespace gpu {

struct adamw_element {
  in gradient;
  out value, first, second;
  float scale, beta1, rest1, beta2, rest2, root2, epsilon, keep, rate;

  template <int V>
  __device__ void at(int r, int c) const {
    const pack<V> slope = load<V>(gradient.row(r) + c);
    pack<V> m = load<V>(first.row(r) + c), v = load<V>(second.row(r) + c), x = load<V>(value.row(r) + c);
    for (int i = 0; i < V; ++i) {
      const float g = scale * slope.v[i];
      m.v[i] = beta1 * m.v[i] + rest1 * g;
      v.v[i] = beta2 * v.v[i] + rest2 * g * g;
      x.v[i] = keep * x.v[i] - rate * m.v[i] / (sqrtf(v.v[i]) / root2 + epsilon);
    }
    store<V>(first.row(r) + c, m), store<V>(second.row(r) + c, v), store<V>(value.row(r) + c, x);
  }
};

struct square_terms {
  const float* x;
  __device__ void add(std::int64_t i, double* sums) const {
    const auto a = static_cast<double>(x[i]);
    sums[0] += a * a;
  }
};
struct square_total {
  double* y;
  __device__ void put(const double* sums) const { *y = sums[0]; }
};

// V neighbours for each thread; the last ones alone.
template <int V>
__global__ void averaged(std::int64_t n, float momentum, float rest, const float* value, float* target) {
  const std::int64_t i = (std::int64_t{block_x()} * threads() + thread()) * V;
  if (i + V <= n) {
    const pack<V> a = load<V>(value + i);
    pack<V> b = load<V>(target + i);
    for (int k = 0; k < V; ++k) b.v[k] = momentum * b.v[k] + rest * a.v[k];
    store<V>(target + i, b);
  } else {
    for (std::int64_t k = i; k < n; ++k) target[k] = momentum * target[k] + rest * value[k];
  }
}

}  // namespace gpu

extern "C" {

void blip_cuda_adamw(device<cuda>&, const adamw_step& u, matrix_view<const float> gradient, matrix_view<float> value,
                     matrix_view<float> first, matrix_view<float> second) {
  const auto f = [](double x) { return static_cast<float>(x); };
  gpu::each(gpu::adamw_element{gradient, value, first, second, f(u.gradient_scale), f(u.beta1), f(1 - u.beta1),
                               f(u.beta2), f(1 - u.beta2), f(std::sqrt(u.correction2)), f(u.epsilon),
                               f(1 - u.rate * u.decay), f(u.rate / u.correction1)},
            value.rows, nullptr, value.width, gpu::four_wide(gradient, value, first, second));
}

void blip_cuda_squared_norm(device<cuda>& d, std::int64_t n, const float* x, double* y) {
  gpu::sum_all<double, 1>(d, gpu::square_terms{x}, gpu::square_total{y}, n);
}

void blip_cuda_ema(device<cuda>&, std::int64_t n, double momentum, const float* value, float* target) {
  constexpr int block = 256, wide = 4;
  gpu::launch(&gpu::averaged<wide>, gpu::grid_of(gpu::ceiling(n, block * wide)), block, 0, n,
              static_cast<float>(momentum), static_cast<float>(1 - momentum), value, target);
}

}  // extern "C"

}  // namespace blip::inline BLIP_ABI
