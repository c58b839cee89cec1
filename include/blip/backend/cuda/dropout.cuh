// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/arch.cuh"
#include "blip/backend/types.hpp"

namespace blip::inline BLIP_ABI::gpu {

// What dropout multiplies columns c ... c + V - 1 with: dropout_factor, with one block of random words for four
// columns.
template <int V>
__device__ pack<V> dropout_factors(const dropout_spec& d, std::uint32_t stream, std::uint32_t row, int c) {
  static_assert(V == 1 || V == 4);
  pack<V> f;
  const auto column = static_cast<std::uint32_t>(c);
  if constexpr (V == 1) {
    f.v[0] = dropout_factor(d, stream, row, column);
  } else {
    const float whole = d.path_rate > 0 ? dropout_factor({0, d.path_rate, d.at}, stream, row, column) : 1.0f;
    for (int i = 0; i < V; ++i) f.v[i] = whole;
    if (d.rate > 0) {
      const philox_counter words = d.at.block(stream, row, column / 4);
      for (int i = 0; i < V; ++i)
        f.v[i] *= to_unit(words[static_cast<std::size_t>(i)]) < d.rate ? 0.0f : 1 / (1 - d.rate);
    }
  }
  return f;
}

}  // namespace blip::inline BLIP_ABI::gpu
