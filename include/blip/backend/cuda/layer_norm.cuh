// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/loops.cuh"
#include "blip/backend/cuda/normalized_row.cuh"
#include "blip/backend/cuda/rows.hpp"

namespace blip::inline BLIP_ABI {

namespace gpu {

struct normalized_row_gradient {
  in x, gamma, stats, dy;
  grad dx;

  template <int V>
  __device__ void row(int r) const {
    const float mean = stats(r, 0), inverse = stats(r, 1);
    float sum = 0, sum_hat = 0;
    for (int c = lane() * V; c < x.width; c += lanes * V) {
      const pack<V> a = load<V>(x.row(r) + c), g = load<V>(gamma.data + c), b = load<V>(dy.row(r) + c);
      for (int i = 0; i < V; ++i) {
        const float slope = b.v[i] * g.v[i];
        sum += slope;
        sum_hat += slope * ((a.v[i] - mean) * inverse);
      }
    }
    sum = warp_sum(sum) / static_cast<float>(x.width);
    sum_hat = warp_sum(sum_hat) / static_cast<float>(x.width);
    for (int c = lane() * V; c < x.width; c += lanes * V) {
      pack<V> a = load<V>(x.row(r) + c);
      const pack<V> g = load<V>(gamma.data + c), b = load<V>(dy.row(r) + c);
      for (int i = 0; i < V; ++i) a.v[i] = (b.v[i] * g.v[i] - sum - (a.v[i] - mean) * inverse * sum_hat) * inverse;
      put<V>(dx, r, c, a);
    }
  }
};

struct gain_and_shift_terms {
  in x, stats, dy;
  __device__ void add(int r, int c, float* sums) const {
    sums[0] += dy(r, c) * ((x(r, c) - stats(r, 0)) * stats(r, 1));
    sums[1] += dy(r, c);
  }
};
struct gain_and_shift_gradient {
  grad dgamma, dbeta;
  __device__ void put(int c, const float* sums) const {
    if (dgamma) dgamma.put(0, c, sums[0]);
    if (dbeta) dbeta.put(0, c, sums[1]);
  }
};

}  // namespace gpu

extern "C" {

void blip_cuda_layer_norm(device<cuda>&, matrix_view<const float> x, matrix_view<const float> gamma,
                          matrix_view<const float> beta, double eps, matrix_view<float> y, matrix_view<float> stats) {
  gpu::rows_by_warps(gpu::normalized_row{x, gamma, beta, static_cast<float>(eps), y, stats}, x.rows, x.live,
                     gpu::four_wide(x, gamma, beta, y));
}

void blip_cuda_layer_norm_vjp(device<cuda>& d, matrix_view<const float> x, matrix_view<const float> gamma,
                              matrix_view<const float> stats, matrix_view<const float> dy, gradient_view<float> dx,
                              gradient_view<float> dgamma, gradient_view<float> dbeta) {
  if (dx)
    gpu::rows_by_warps(gpu::normalized_row_gradient{x, gamma, stats, dy, dx}, x.rows, dy.live,
                       gpu::four_wide(x, gamma, dy, dx));
  if (dgamma || dbeta)
    gpu::sum_columns<2>(d, gpu::gain_and_shift_terms{x, stats, dy}, gpu::gain_and_shift_gradient{dgamma, dbeta}, x.rows,
                        dy.live, x.width);
}

}  // extern "C"

}  // namespace blip::inline BLIP_ABI
