// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "blip/backend/cpu/optimiser.hpp"
#include "blip/backend/cpu/simd.hpp"
#include "blip/backend/cpu/tiles.hpp"

namespace blip::inline BLIP_ABI {

// Element by element, so any division into tiles gives the same bits. Entries of an arena are contiguous.
BLIP_INLINE void cpu_optimiser::adamw(device<cpu>& d, const adamw_step& u, matrix_view<const float> gradient,
                                      matrix_view<float> value, matrix_view<float> first, matrix_view<float> second) {
  using simd::constant, simd::packet;
  namespace vec = simd::vec;
  constexpr int tile = 2048;
  const auto f = [](double x) { return static_cast<float>(x); };
  const float beta1 = f(u.beta1), beta2 = f(u.beta2), rest1 = f(1 - u.beta1), rest2 = f(1 - u.beta2);
  const float epsilon = f(u.epsilon), keep = f(1 - u.rate * u.decay);
  const float rate = f(u.rate / u.correction1), root = f(1 / std::sqrt(u.correction2));
  const std::ptrdiff_t size = static_cast<std::ptrdiff_t>(value.rows) * value.width;
  parallel_for(cpu_tiles::threads(d), static_cast<int>((size + tile - 1) / tile), [&](int t) {
    const std::ptrdiff_t from = std::ptrdiff_t{t} * tile;
    const int n = static_cast<int>(std::min<std::ptrdiff_t>(tile, size - from));
    const float* const g = gradient.data + from;
    float* const m = first.data + from;
    float* const v = second.data + from;
    float* const p = value.data + from;
    simd::map(
        n, m,
        [=](const packet& a, const packet& x) { return vec::pmadd(a, constant(beta1), vec::pmul(x, constant(rest1))); },
        m, g);
    simd::map(
        n, v,
        [=](const packet& a, const packet& x) {
          return vec::pmadd(a, constant(beta2), vec::pmul(vec::pmul(x, x), constant(rest2)));
        },
        v, g);
    simd::map(
        n, p,
        [=](const packet& x, const packet& a, const packet& b) {
          const packet below = vec::pmadd(vec::psqrt(b), constant(root), constant(epsilon));
          return vec::psub(vec::pmul(x, constant(keep)), vec::pdiv(vec::pmul(a, constant(rate)), below));
        },
        p, m, v);
  });
}

}  // namespace blip::inline BLIP_ABI
