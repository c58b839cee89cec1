// SPDX-License-Identifier: Apache-2.0
#pragma once

// GCC 12 takes the undefined vectors of its own intrinsics for a mistake.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <Eigen/Core>
#pragma GCC diagnostic pop

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "blip/backend/types.hpp"
#include "blip/core/dtype.hpp"

// Vectors of floats, as wide as the processor has them: Eigen's packets, and the functions that it has none of.
namespace blip::inline BLIP_ABI::simd {

namespace vec = Eigen::internal;
using packet = vec::packet_traits<float>::type;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"  // Eigen's packet types carry attributes
using integers = vec::unpacket_traits<packet>::integer_packet;
#pragma GCC diagnostic pop

inline constexpr int lanes = vec::packet_traits<float>::size;

// Calls f(0) ... f(N - 1) with constants, so that arrays of packets stay in registers.
template <int N, class F>
[[gnu::always_inline]] inline void unroll(F&& f) {
  [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
    (f(std::integral_constant<int, I>{}), ...);
  }
  (std::make_integer_sequence<int, N>{});
}

inline packet constant(float x) { return vec::pset1<packet>(x); }
inline packet load(const float* p) { return vec::ploadu<packet>(p); }
inline void store(float* p, const packet& x) { vec::pstoreu(p, x); }
// c_0 x^(N-1) + ... + c_(N-1).
template <int N>
[[gnu::always_inline]] inline packet polynomial(const packet& x, const float (&c)[N]) {
  packet p = constant(c[0]);
  unroll<N - 1>([&](auto i) __attribute__((always_inline)) { p = vec::pmadd(p, x, constant(c[i + 1])); });
  return p;
}

inline packet load_some(const float* p, int count) {
  alignas(64) float kept[lanes] = {};
  for (int i = 0; i < count; ++i) kept[i] = p[i];
  return vec::pload<packet>(kept);
}
inline void store_some(float* p, const packet& x, int count) {
  alignas(64) float kept[lanes];
  vec::pstore(kept, x);
  for (int i = 0; i < count; ++i) p[i] = kept[i];
}

// y_i = x_i to the nearest bf16, and back.
inline void narrow(int n, bf16* y, const float* x) {
  int i = 0;
#if defined(EIGEN_VECTORIZE_AVX)
  for (; i + lanes <= n; i += lanes)
    vec::pstoreu(reinterpret_cast<Eigen::bfloat16*>(y + i), vec::F32ToBf16(load(x + i)));
#endif
  for (; i < n; ++i) y[i] = bf16(x[i]);
}
inline void widen(int n, float* y, const bf16* x) {
  int i = 0;
#if defined(EIGEN_VECTORIZE_AVX)
  using halves = decltype(vec::F32ToBf16(constant(0)));
  for (; i + lanes <= n; i += lanes)
    store(y + i, vec::Bf16ToF32(vec::ploadu<halves>(reinterpret_cast<const Eigen::bfloat16*>(x + i))));
#endif
  for (; i < n; ++i) y[i] = static_cast<float>(x[i]);
}

// y_i = f(a_i, ...) for n elements.
template <class F, class... In>
[[gnu::always_inline]] inline void map(int n, float* y, F f, const In*... in) {
  int i = 0;
  for (; i + lanes <= n; i += lanes) store(y + i, f(load(in + i)...));
  if (i < n) store_some(y + i, f(load_some(in + i, n - i)...), n - i);
}

// The sum of f(a_i, ...) over n elements; lane by lane first, so that it depends on n alone.
template <class F, class... In>
[[gnu::always_inline]] inline float sum(int n, F f, const In*... in) {
  packet total = constant(0);
  int i = 0;
  for (; i + lanes <= n; i += lanes) total = vec::padd(total, f(load(in + i)...));
  if (i < n) {
    alignas(64) float kept[lanes];
    vec::pstore(kept, f(load_some(in + i, n - i)...));
    total = vec::padd(total, load_some(kept, n - i));
  }
  return vec::predux(total);
}

// y_i = f(a_i, ...), and the sum of y.
template <class F, class... In>
[[gnu::always_inline]] inline float map_sum(int n, float* y, F f, const In*... in) {
  packet total = constant(0);
  int i = 0;
  for (; i + lanes <= n; i += lanes) {
    const packet v = f(load(in + i)...);
    store(y + i, v);
    total = vec::padd(total, v);
  }
  if (i < n) {
    store_some(y + i, f(load_some(in + i, n - i)...), n - i);
    total = vec::padd(total, load_some(y + i, n - i));
  }
  return vec::predux(total);
}

// The largest element; four chains, because a maximum waits for the one before.
inline float largest(int n, const float* x) {
  constexpr int chains = 4;
  float most = x[0];
  int i = 0;
  if (n >= chains * lanes) {
    packet top[chains];
    unroll<chains>([&](auto c) __attribute__((always_inline)) { top[c] = load(x + c * lanes); });
    for (i = chains * lanes; i + chains * lanes <= n; i += chains * lanes)
      unroll<chains>([&](auto c)
                         __attribute__((always_inline)) { top[c] = vec::pmax(top[c], load(x + i + c * lanes)); });
    most = vec::predux_max(vec::pmax(vec::pmax(top[0], top[1]), vec::pmax(top[2], top[3])));
  }
  for (; i + lanes <= n; i += lanes) most = std::max(most, vec::predux_max(load(x + i)));
  for (; i < n; ++i) most = std::max(most, x[i]);
  return most;
}

inline float dot(int n, const float* a, const float* b) {
  return sum(
      n, [](const packet& x, const packet& y) { return vec::pmul(x, y); }, a, b);
}

// 2^x within 2 units in the last place, for x in [-126, 127]; below, 2^-126. x = n + r; 2^n is made of n's bits, which
// adding 1.5 * 2^23 leaves at the end of the sum. The polynomial is Taylor's.
[[gnu::always_inline]] inline packet exp2(packet x) {
  x = vec::pmax(x, constant(-126));
  const packet shift = constant(12582912), shifted = vec::padd(x, shift);
  const packet r = vec::psub(x, vec::psub(shifted, shift));
  constexpr float taylor[] = {1.5403530e-4f, 1.3333558e-3f, 9.6181291e-3f, 5.5504109e-2f,
                              2.4022651e-1f, 6.9314718e-1f, 1.0f};
  const integers power = vec::plogical_shift_left<23>(vec::preinterpret<integers>(shifted));
  return vec::preinterpret<packet>(vec::padd(vec::preinterpret<integers>(polynomial(r, taylor)), power));
}

inline constexpr float log2_e = 1.44269504f;

// e^x for x in [-87, 88], within 3e-7 of its own size near 0 and 6e-8 |x| more far from it.
[[gnu::always_inline]] inline packet exp(const packet& x) { return exp2(vec::pmul(x, constant(log2_e))); }

// erf(x) within 4e-7 of its own size: x P(x^2) / Q(x^2) on |x| < 3.95, where it is 1 in float. The coefficients are a
// least-squares fit of the relative error.
[[gnu::always_inline]] inline packet erf(packet x) {
  x = vec::pmin(vec::pmax(x, constant(-3.95f)), constant(3.95f));
  const packet u = vec::pmul(x, x);
  constexpr float above[] = {2.0260975947762607e-06f, 0.0002846701192416695f, 0.0038072626293839864f,
                             0.05287264775873543f,    0.19152896947193465f,   1.1283791440365372f};
  constexpr float below[] = {3.783286636221941e-05f, 0.0011705134979286638f, 0.015053275230479666f,
                             0.11455082574166385f,   0.5030708092295115f,    1.0f};
  return vec::pdiv(vec::pmul(x, polynomial(u, above)), polynomial(u, below));
}

// The value of an activation, and its derivative.
template <activation A>
[[gnu::always_inline]] inline packet activate(const packet& x) {
  if constexpr (A == activation::gelu) {
    const packet half = vec::pmul(constant(0.5f), x);
    return vec::pmadd(half, erf(vec::pmul(x, constant(0.70710678f))), half);
  } else if constexpr (A == activation::relu) {
    return vec::pmax(x, constant(0));
  } else if constexpr (A == activation::tanh) {
    return vec::ptanh(x);
  } else {
    return x;
  }
}
template <activation A>
[[gnu::always_inline]] inline packet activation_slope(const packet& x) {
  if constexpr (A == activation::gelu) {
    const packet phi = vec::pmadd(constant(0.5f), erf(vec::pmul(x, constant(0.70710678f))), constant(0.5f));
    const packet density = vec::pmul(constant(0.39894228f), exp(vec::pmul(constant(-0.5f), vec::pmul(x, x))));
    return vec::pmadd(x, density, phi);
  } else if constexpr (A == activation::relu) {
    return vec::pselect(vec::pcmp_lt(constant(0), x), constant(1), constant(0));
  } else if constexpr (A == activation::tanh) {
    const packet y = vec::ptanh(x);
    return vec::psub(constant(1), vec::pmul(y, y));
  } else {
    return constant(1);
  }
}

// Calls f.template operator()<A>() for an activation known at run time.
template <class F>
void with_activation(activation a, F f) {
  switch (a) {
    case activation::gelu:
      return f.template operator()<activation::gelu>();
    case activation::relu:
      return f.template operator()<activation::relu>();
    case activation::tanh:
      return f.template operator()<activation::tanh>();
    case activation::none:
      return f.template operator()<activation::none>();
  }
}

}  // namespace blip::inline BLIP_ABI::simd
