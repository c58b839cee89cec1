// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>

#include "blip/backend/cpu/optimiser.hpp"
#include "blip/core/parallel_for.hpp"

namespace blip::inline BLIP_ABI {

// Element by element, so any division into tiles gives the same bits. Entries of an arena are contiguous.
BLIP_INLINE void cpu_optimiser::adamw(device<cpu>& d, const adamw_step& u, matrix_view<const float> gradient,
                                      matrix_view<float> value, matrix_view<float> first, matrix_view<float> second) {
  constexpr std::ptrdiff_t tile = 1 << 15;
  const std::ptrdiff_t size = static_cast<std::ptrdiff_t>(value.rows) * value.width;
  const auto beta1 = static_cast<float>(u.beta1), beta2 = static_cast<float>(u.beta2);
  const auto rest1 = static_cast<float>(1 - u.beta1), rest2 = static_cast<float>(1 - u.beta2);
  const auto epsilon = static_cast<float>(u.epsilon), keep = static_cast<float>(1 - u.rate * u.decay);
  const auto rate = static_cast<float>(u.rate / u.correction1), root = static_cast<float>(std::sqrt(u.correction2));
  const float* const g = gradient.data;
  float* const p = value.data;
  float* const m = first.data;
  float* const v = second.data;
  const int threads = d.options().threads > 0 ? d.options().threads : available_threads();
  parallel_for(threads, static_cast<int>((size + tile - 1) / tile), [&](int t) {
    const std::ptrdiff_t from = t * tile, to = std::min(size, from + tile);
    for (std::ptrdiff_t i = from; i < to; ++i) {
      m[i] = beta1 * m[i] + rest1 * g[i];
      v[i] = beta2 * v[i] + rest2 * g[i] * g[i];
      p[i] = keep * p[i] - rate * m[i] / (std::sqrt(v[i]) / root + epsilon);
    }
  });
}

}  // namespace blip::inline BLIP_ABI
