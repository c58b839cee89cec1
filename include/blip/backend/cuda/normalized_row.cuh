// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/reduce.cuh"

// The layer norm of one row, for the kernel of that name and for those that end with one.
namespace blip::inline BLIP_ABI::gpu {

// One warp for each row, which the first pass brings into the first-level cache. `y` may be `x`.
struct normalized_row {
  in x, gamma, beta;
  float eps;
  out y, stats;

  template <int V>
  __device__ void row(int r) const {
    float sum = 0;
    for (int c = lane() * V; c < x.width; c += lanes * V) {
      const pack<V> a = load<V>(x.row(r) + c);
      for (int i = 0; i < V; ++i) sum += a.v[i];
    }
    const float mean = warp_sum(sum) / static_cast<float>(x.width);
    float squares = 0;
    for (int c = lane() * V; c < x.width; c += lanes * V) {
      const pack<V> a = load<V>(x.row(r) + c);
      for (int i = 0; i < V; ++i) squares += (a.v[i] - mean) * (a.v[i] - mean);
    }
    const float inverse = 1.0f / sqrtf(warp_sum(squares) / static_cast<float>(x.width) + eps);
    for (int c = lane() * V; c < x.width; c += lanes * V) {
      pack<V> a = load<V>(x.row(r) + c);
      const pack<V> g = load<V>(gamma.data + c), b = load<V>(beta.data + c);
      for (int i = 0; i < V; ++i) a.v[i] = g.v[i] * ((a.v[i] - mean) * inverse) + b.v[i];
      store<V>(y.row(r) + c, a);
    }
    if (stats.data && lane() == 0) stats(r, 0) = mean, stats(r, 1) = inverse;
  }
};

}  // namespace blip::inline BLIP_ABI::gpu
