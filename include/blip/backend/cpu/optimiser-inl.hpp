// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "blip/backend/cpu/optimiser.hpp"
#include "blip/backend/cpu/simd.hpp"
#include "blip/backend/cpu/tiles.hpp"

namespace blip::inline BLIP_ABI {

namespace cpu_flat {

inline constexpr int tile = 2048;

inline int tiles(std::int64_t n) { return static_cast<int>((n + tile - 1) / tile); }

// f(tile, first, count) for stretches of n elements in a row.
template <class F>
void each_tile(const device<cpu>& d, std::int64_t n, F f) {
  parallel_for(cpu_tiles::threads(d), tiles(n), [&](int t) {
    const std::int64_t from = std::int64_t{t} * tile;
    f(t, from, static_cast<int>(std::min<std::int64_t>(tile, n - from)));
  });
}

// In double, where the square of a float is exact: no overflow, and the same bits with and without fused operations.
// Chains of additions by position, not by vector width, so that every instruction set adds in the same order.
inline double squares(int n, const float* x) {
  constexpr int chains = 8;
  double sums[chains] = {};
  int i = 0;
  for (; i + chains <= n; i += chains)
    for (int c = 0; c < chains; ++c) sums[c] += double{x[i + c]} * double{x[i + c]};
  for (int c = 0; i < n; ++i, ++c) sums[c] += double{x[i]} * double{x[i]};
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

}  // namespace cpu_flat

// Element by element, so any division into tiles gives the same bits.
BLIP_INLINE void cpu_optimiser::adamw(device<cpu>& d, std::span<const adamw_piece> pieces, const float* gradient,
                                      float* value, float* first, float* second) {
  using simd::constant, simd::packet;
  namespace vec = simd::vec;
  const auto f = [](double x) { return static_cast<float>(x); };
  for (const adamw_piece& piece : pieces) {
    const adamw_step& u = piece.step;
    const float beta1 = f(u.beta1), beta2 = f(u.beta2), rest1 = f(1 - u.beta1), rest2 = f(1 - u.beta2);
    const float epsilon = f(u.epsilon), keep = f(1 - u.rate * u.decay), by = f(u.gradient_scale);
    const float rate = f(u.rate / u.correction1), root = f(1 / std::sqrt(u.correction2));
    cpu_flat::each_tile(d, piece.size, [&](int, std::int64_t from, int n) {
      const float* const g = gradient + piece.begin + from;
      float* const m = first + piece.begin + from;
      float* const v = second + piece.begin + from;
      float* const p = value + piece.begin + from;
      simd::map(
          n, m,
          [=](const packet& a, const packet& x) {
            return vec::pmadd(a, constant(beta1), vec::pmul(vec::pmul(x, constant(by)), constant(rest1)));
          },
          m, g);
      simd::map(
          n, v,
          [=](const packet& a, const packet& x) {
            const packet scaled = vec::pmul(x, constant(by));
            return vec::pmadd(a, constant(beta2), vec::pmul(vec::pmul(scaled, scaled), constant(rest2)));
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
}

BLIP_INLINE void cpu_optimiser::squared_norm(device<cpu>& d, std::int64_t n, const float* x, double* y) {
  const auto tiles = static_cast<std::size_t>(cpu_flat::tiles(n));
  const scratch<cpu, double> parts(d, tiles);
  cpu_flat::each_tile(d, n, [&](int t, std::int64_t from, int count) {
    parts[static_cast<std::size_t>(t)] = cpu_flat::squares(count, x + from);
  });
  double sum = 0;
  for (std::size_t t = 0; t < tiles; ++t) sum += parts[t];
  *y = sum;
}

BLIP_INLINE void cpu_optimiser::ema(device<cpu>& d, std::int64_t n, double momentum, const float* value,
                                    float* target) {
  using simd::packet;
  const auto keep = static_cast<float>(momentum), rest = static_cast<float>(1 - momentum);
  cpu_flat::each_tile(d, n, [&](int, std::int64_t from, int count) {
    simd::map(
        count, target + from,
        [=](const packet& x, const packet& v) {
          return simd::vec::pmadd(x, simd::constant(keep), simd::vec::pmul(v, simd::constant(rest)));
        },
        target + from, value + from);
  });
}

}  // namespace blip::inline BLIP_ABI
