// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>

#include "blip/backend/cpu/simd.hpp"
#include "blip/core/parallel_for.hpp"

// Products of small blocks held in registers. b was copied into panels: all rows of a few columns next to each other,
// [k, panel]. a is read where it lies. Element (r, c) of one call is always
//
//   t = 0;  for p in k: t = fma(a_rp, b_pc, t);  c = add ? c + t : t
//
// whatever rows and columns surround it.
// Blocking: Goto, van de Geijn, Anatomy of High-Performance Matrix Multiplication, 2008.
namespace blip::inline BLIP_ABI::cpu_blocks {

using simd::lanes, simd::packet, simd::unroll;
namespace vec = simd::vec;

inline constexpr bool many_registers = EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS >= 32;
inline constexpr int group = many_registers ? 8 : 6;  // rows of c held in registers

inline int panels(int n, int wide) { return (n + wide - 1) / wide; }

// One block of sums of M rows and V packets of columns. a(i, p) = a[i * row_step + p * depth_step]; b [k, panel].
struct block {
  const float* a;
  std::ptrdiff_t row_step, depth_step;
  const float* b;
  int k, panel;
  float* c;
  std::ptrdiff_t c_stride;
  bool add;
};

// How one step along the depth enters a sum.
struct by_floats {
  [[gnu::always_inline]] static packet add(const packet& row, const packet& column, const packet& sum) {
    return vec::pmadd(row, column, sum);
  }
};

template <int M, int V, class Step>
void multiply_block(const block& s, int columns) {
  packet sum[M][V];
  unroll<M * V>([&](auto i) __attribute__((always_inline)) { sum[i / V][i % V] = simd::constant(0); });
  const float* a = s.a;
  const float* b = s.b;
  for (int p = 0; p < s.k; ++p, a += s.depth_step, b += s.panel) {
    packet column[V];
    unroll<V>([&](auto v) __attribute__((always_inline)) { column[v] = simd::load(b + v * lanes); });
    unroll<M>([&](auto i) __attribute__((always_inline)) {
      const packet row = simd::constant(a[i * s.row_step]);
      unroll<V>([&](auto v) __attribute__((always_inline)) { sum[i][v] = Step::add(row, column[v], sum[i][v]); });
    });
  }
  const auto put = [&](auto i) __attribute__((always_inline)) {
    float* const c = s.c + i / V * s.c_stride + i % V * lanes;
    simd::store(c, s.add ? vec::padd(simd::load(c), sum[i / V][i % V]) : sum[i / V][i % V]);
  };
  if (columns == V * lanes) {
    unroll<M * V>(put);
    return;
  }
  // The packet in which the columns end is written one by one, those before it whole.
  const int whole = columns / lanes;
  alignas(64) float kept[M][lanes];
  unroll<M * V>([&](auto i) __attribute__((always_inline)) {
    if (i % V < whole)
      put(i);
    else if (i % V == whole)
      vec::pstore(&kept[i / V][0], sum[i / V][i % V]);
  });
  for (int i = 0; i < M; ++i) {
    float* const c = s.c + i * s.c_stride + whole * lanes;
    for (int j = 0; j < columns - whole * lanes; ++j) c[j] = s.add ? c[j] + kept[i][j] : kept[i][j];
  }
}

using block_function = void (*)(const block&, int);

template <int V, class Step>
inline constexpr auto block_functions = []<int... M>(std::integer_sequence<int, M...>) {
  return std::array<block_function, group>{&multiply_block<M + 1, V, Step>...};
}
(std::make_integer_sequence<int, group>{});

// `rows` rows of one panel, V packets wide at most; `columns` of them are wanted.
template <int V, class Step = by_floats>
void multiply_panel(block s, int rows, int columns) {
  const auto& functions = columns <= lanes ? block_functions<1, Step> : block_functions<V, Step>;
  for (; rows > 0; rows -= group, s.a += group * s.row_step, s.c += group * s.c_stride)
    functions[static_cast<std::size_t>(std::min(group, rows) - 1)](s, columns);
}

// to [k, panel] = the transpose of `columns` rows of b [columns, k], zero beyond them.
inline void copy_transposed(const float* b, std::ptrdiff_t stride, int columns, int k, float* to, int panel) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"  // Eigen's packet types carry attributes
  using square = vec::PacketBlock<packet, lanes>;
#pragma GCC diagnostic pop
  for (int j = 0; j < panel; j += lanes) {
    const int some = std::clamp(columns - j, 0, lanes);
    int p = 0;
    for (; p + lanes <= k; p += lanes) {
      square t;
      unroll<lanes>([&](auto i) __attribute__((always_inline)) {
        t.packet[i] = i < some ? simd::load(b + (j + i) * stride + p) : simd::constant(0);
      });
      if (some > 0) vec::ptranspose(t);
      unroll<lanes>([&](auto i)
                        __attribute__((always_inline)) { simd::store(to + (p + i) * panel + j, t.packet[i]); });
    }
    for (; p < k; ++p)
      for (int i = j; i < j + lanes; ++i) to[p * panel + i] = i < columns ? b[i * stride + p] : 0.0f;
  }
}

// n floats as products of precision P read them: in bf16 rounded, to bf16 or to floats.
template <precision P, class In>
void round(int n, const float* from, In* to) {
  if constexpr (P == precision::fp32)
    std::copy_n(from, n, to);
  else if constexpr (std::is_same_v<In, bf16>)
    simd::narrow(n, to, from);
  else
    for (int i = 0; i < n; ++i) to[i] = In(bf16(from[i]));
}

// to [m, k] = the transpose of a [k, m], rounded: what is read along the depth then lies together, not a page apart.
template <precision P, class In>
void rows_of(int threads, int m, int k, const float* a, std::ptrdiff_t stride, In* to) {
  constexpr int high = lanes, wide = 256;
  parallel_for(threads, (m + high - 1) / high, [&](int t) {
    const int row = t * high, rows = std::min(high, m - row);
    alignas(64) float part[high * wide];
    for (int k0 = 0; k0 < k; k0 += wide) {
      const int count = std::min(wide, k - k0);
      copy_transposed(a + k0 * stride + row, stride, count, rows, part, wide);
      for (int r = 0; r < rows; ++r) round<P>(count, part + r * wide, to + std::ptrdiff_t{row + r} * k + k0);
    }
  });
}

// to [k, panel] = the first `columns` columns of b [k, n], zero beyond them.
inline void copy_columns(const float* b, std::ptrdiff_t stride, int columns, int k, float* to, int panel) {
  for (int p = 0; p < k; ++p, b += stride, to += panel) {
    int i = 0;
    for (; i + lanes <= columns; i += lanes) simd::store(to + i, simd::load(b + i));
    for (; i < columns; ++i) to[i] = b[i];
    for (; i % lanes != 0; ++i) to[i] = 0;
    for (; i < panel; i += lanes) simd::store(to + i, simd::constant(0));
  }
}

}  // namespace blip::inline BLIP_ABI::cpu_blocks
