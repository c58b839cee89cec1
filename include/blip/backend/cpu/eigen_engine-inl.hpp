// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "blip/backend/cpu/gemm.hpp"
#include "blip/core/parallel_for.hpp"

namespace blip::inline BLIP_ABI {

// Products on Eigen's vector operations. The blocking is ours, because Eigen's own product sums a row differently at the
// edge of a matrix than inside, and repacks the weights for a single row. Here element (r, c) is always
//
//   s = 0;  for each block of 256 along k:  t = 0;  for p in block: t = fma(a_rp, b_pc, t);  s = s + t
//
// whatever rows, columns and threads surround it. b is copied panel by panel (as many columns as fit in the registers)
// into [k, panel], or was packed like that beforehand; a is read where it lies.
// Blocking: Goto, van de Geijn, Anatomy of High-Performance Matrix Multiplication, 2008.
namespace eigen_blocks {

namespace vec = Eigen::internal;
using packet = vec::packet_traits<float>::type;

inline constexpr int lanes = vec::packet_traits<float>::size;
inline constexpr bool many_registers = EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS >= 32;
inline constexpr int group = many_registers ? 8 : 6;  // rows of c held in registers
inline constexpr int panel = lanes * (many_registers ? 3 : 2);
inline constexpr int depth = 256;       // along k; part of the definition of the sum
inline constexpr int tile_rows = 640;  // rows that share one copy of a panel

// Calls f(0) ... f(N - 1) with constants, so that arrays of packets stay in registers.
template <int N, class F>
[[gnu::always_inline]] inline void unroll(F&& f) {
  [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
    (f(std::integral_constant<int, I>{}), ...);
  }(std::make_integer_sequence<int, N>{});
}

// One block of sums of M rows and V packets of columns. a(i, p) = a[i * row_step + p * depth_step]; b [k, panel].
struct block {
  const float* a;
  std::ptrdiff_t row_step, depth_step;
  const float* b;
  int k;
  float* c;
  std::ptrdiff_t c_stride;
  bool add;
};

template <int M, int V>
void multiply_block(const block& s, int columns) {
  packet sum[M][V];
  unroll<M * V>([&](auto i) __attribute__((always_inline)) { sum[i / V][i % V] = vec::pset1<packet>(0.0f); });
  const float* a = s.a;
  const float* b = s.b;
  for (int p = 0; p < s.k; ++p, a += s.depth_step, b += panel) {
    packet column[V];
    unroll<V>([&](auto v) __attribute__((always_inline)) { column[v] = vec::pload<packet>(b + v * lanes); });
    unroll<M>([&](auto i) __attribute__((always_inline)) {
      const packet row = vec::pset1<packet>(a[i * s.row_step]);
      unroll<V>([&](auto v) __attribute__((always_inline)) { sum[i][v] = vec::pmadd(row, column[v], sum[i][v]); });
    });
  }
  if (columns == V * lanes) {
    unroll<M * V>([&](auto i) __attribute__((always_inline)) {
      float* const c = s.c + i / V * s.c_stride + i % V * lanes;
      vec::pstoreu(c, s.add ? vec::padd(vec::ploadu<packet>(c), sum[i / V][i % V]) : sum[i / V][i % V]);
    });
    return;
  }
  alignas(64) float kept[M][V * lanes];
  unroll<M * V>([&](auto i) __attribute__((always_inline)) { vec::pstore(&kept[i / V][i % V * lanes], sum[i / V][i % V]); });
  for (int i = 0; i < M; ++i)
    for (int j = 0; j < columns; ++j) {
      float& c = s.c[i * s.c_stride + j];
      c = s.add ? c + kept[i][j] : kept[i][j];
    }
}

using block_function = void (*)(const block&, int);

template <int V>
inline constexpr auto block_functions = []<int... M>(std::integer_sequence<int, M...>) {
  return std::array<block_function, group>{&multiply_block<M + 1, V>...};
}(std::make_integer_sequence<int, group>{});

// to [k, panel] = the transpose of `columns` rows of b [columns, k], zero beyond them.
inline void copy_transposed(const float* b, std::ptrdiff_t stride, int columns, int k, float* to) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"  // Eigen's packet types carry attributes
  using square = vec::PacketBlock<packet, lanes>;
#pragma GCC diagnostic pop
  for (int j = 0; j < panel; j += lanes) {
    int p = 0;
    if (j + lanes <= columns)
      for (; p + lanes <= k; p += lanes) {
        square t;
        unroll<lanes>([&](auto i) __attribute__((always_inline)) {
          t.packet[i] = vec::ploadu<packet>(b + (j + i) * stride + p);
        });
        vec::ptranspose(t);
        unroll<lanes>([&](auto i) __attribute__((always_inline)) { vec::pstore(to + (p + i) * panel + j, t.packet[i]); });
      }
    for (; p < k; ++p)
      for (int i = j; i < j + lanes; ++i) to[p * panel + i] = i < columns ? b[i * stride + p] : 0.0f;
  }
}

// to [k, panel] = the first `columns` columns of b [k, n], zero beyond them.
inline void copy_columns(const float* b, std::ptrdiff_t stride, int columns, int k, float* to) {
  for (int p = 0; p < k; ++p, b += stride, to += panel) {
    if (columns == panel) {
      unroll<panel / lanes>([&](auto v) __attribute__((always_inline)) {
        vec::pstore(to + v * lanes, vec::ploadu<packet>(b + v * lanes));
      });
      continue;
    }
    for (int i = 0; i < panel; ++i) to[i] = i < columns ? b[i] : 0.0f;
  }
}

inline void multiply_rows(const product<float>& s, int row, int end, int column, int k0, int k, const float* b) {
  const int columns = std::min(panel, s.n - column);
  const auto& functions = columns <= lanes ? block_functions<1> : block_functions<panel / lanes>;
  const bool tn = s.form == product_form::tn;
  block t{nullptr, tn ? 1 : s.a_stride, tn ? s.a_stride : 1, b, k, nullptr, s.c_stride, s.accumulate || k0 > 0};
  for (; row < end; row += group) {
    t.a = s.a + row * t.row_step + k0 * t.depth_step;
    t.c = s.c + row * s.c_stride + column;
    functions[static_cast<std::size_t>(std::min(group, end - row) - 1)](t, columns);
  }
}

inline int panels(int n) { return (n + panel - 1) / panel; }

}  // namespace eigen_blocks

template <>
struct gemm<eigen_engine> {
  template <precision>
  using input = float;  // bf16: floats that were rounded to it

  static void multiply(device<cpu>&, int threads, const product<float>& s, function_ref<void(product_tile)> finish) {
    using namespace eigen_blocks;
    const int wide = panels(s.n), high = (s.m + tile_rows - 1) / tile_rows;
    parallel_for(threads, wide * high, [&](int t) {
      const int column = t % wide * panel, columns = std::min(panel, s.n - column);
      const int row = first_row(s.m, t / wide, high), end = first_row(s.m, t / wide + 1, high);
      alignas(64) float copy[depth * panel];
      for (int k0 = 0; k0 < s.k; k0 += depth) {
        const int k = std::min(depth, s.k - k0);
        const float* b = copy;
        if (s.packed)
          b = static_cast<const float*>(s.packed) + (static_cast<std::ptrdiff_t>(column) * s.k + k0 * panel);
        else if (s.form == product_form::nt)
          copy_transposed(s.b + column * s.b_stride + k0, s.b_stride, columns, k, copy);
        else
          copy_columns(s.b + k0 * s.b_stride + column, s.b_stride, columns, k, copy);
        multiply_rows(s, row, end, column, k0, k, b);
      }
      finish({row, end - row, column, columns});
    });
  }

  static std::size_t packed_bytes(device<cpu>&, precision, int n, int k) {
    using namespace eigen_blocks;
    return sizeof(float) * static_cast<std::size_t>(panels(n)) * panel * static_cast<std::size_t>(k);
  }

  static void pack(device<cpu>&, int threads, int n, int k, const float* b, std::ptrdiff_t stride, void* to) {
    using namespace eigen_blocks;
    parallel_for(threads, panels(n), [&](int t) {
      const std::ptrdiff_t column = t * panel;
      copy_transposed(b + column * stride, stride, std::min(panel, n - t * panel), k,
                      static_cast<float*>(to) + column * k);
    });
  }

 private:
  // Tiles of rows that differ by one group at most.
  static int first_row(int m, int tile, int tiles) {
    const int groups = (m + eigen_blocks::group - 1) / eigen_blocks::group;
    return std::min(m, static_cast<int>(std::int64_t{groups} * tile / tiles) * eigen_blocks::group);
  }
};

}  // namespace blip::inline BLIP_ABI
