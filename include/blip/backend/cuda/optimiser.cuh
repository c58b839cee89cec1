// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/loops.cuh"
#include "blip/backend/cuda/optimiser.hpp"

namespace blip::inline BLIP_ABI {

namespace gpu {

using detail::adamw_batch;

// V scalars from place i on.
template <int V>
__device__ void adamw_update(const adamw_batch::numbers& u, std::int64_t i, const float* gradient, float* value,
                             float* first, float* second) {
  const pack<V> slope = load<V>(gradient + i);
  pack<V> m = load<V>(first + i), v = load<V>(second + i), x = load<V>(value + i);
  for (int k = 0; k < V; ++k) {
    const float g = u.scale * slope.v[k];
    m.v[k] = u.beta1 * m.v[k] + u.rest1 * g;
    v.v[k] = u.beta2 * v.v[k] + u.rest2 * g * g;
    x.v[k] = u.keep * x.v[k] - u.rate * m.v[k] / (sqrtf(v.v[k]) / u.root2 + u.epsilon);
  }
  store<V>(first + i, m), store<V>(second + i, v), store<V>(value + i, x);
}

// A block finds its piece by the number of its first block.
template <int Unused>
__global__ void adamw_pieces(adamw_batch b, const float* gradient, float* value, float* first, float* second) {
  const auto me = static_cast<std::uint32_t>(block_x());
  int low = 0;
  for (int high = b.pieces; high - low > 1;) {
    const int middle = (low + high) / 2;
    (b.first_block[middle] <= me ? low : high) = middle;
  }
  constexpr int wide = 4;
  const adamw_batch::numbers u = b.step[b.step_of[low]];
  const std::int64_t begin = std::int64_t{b.begin[low]} * 16, size = b.size[low];
  const std::int64_t from = std::int64_t{me - b.first_block[low]} * adamw_batch::block;
  const std::int64_t end = least<std::int64_t>(from + adamw_batch::block, size);
  for (std::int64_t i = from + thread() * wide; i < end; i += threads() * wide)
    if (i + wide <= end)
      adamw_update<wide>(u, begin + i, gradient, value, first, second);
    else
      for (std::int64_t k = i; k < end; ++k) adamw_update<1>(u, begin + k, gradient, value, first, second);
}

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

void blip_cuda_adamw(device<cuda>&, std::span<const adamw_piece> pieces, const float* gradient, float* value,
                     float* first, float* second) {
  detail::each_adamw_batch(pieces, [&](const gpu::adamw_batch& b) {
    gpu::launch(&gpu::adamw_pieces<0>, gpu::grid_of(b.blocks()), 256, 0, b, gradient, value, first, second);
  });
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
