// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cpu/blocks.hpp"
#include "blip/backend/cpu/gemm.hpp"
#include "blip/core/parallel_for.hpp"

namespace blip::inline BLIP_ABI {

// Products on Eigen's vector operations. The blocking is ours, because Eigen's own product sums a row differently at
// the edge of a matrix than inside, and repacks the weights for a single row. k is cut into blocks of 256, which is
// part of the definition of the sum; a panel is as many columns as fit in the registers.
template <>
struct gemm<eigen_engine> {
  static constexpr int packets = cpu_blocks::many_registers ? 3 : 2;
  static constexpr int panel = packets * simd::lanes;

  template <precision>
  using input = float;  // bf16: floats that were rounded to it

  static void multiply(device<cpu>& d, int threads, const product<float>& s) {
    multiply(d, threads, s, [](const product_tile&) {});
  }
  static void multiply(device<cpu>&, int threads, const product<float>& s, finish_tile finish) {
    using namespace cpu_blocks;
    const int wide = panels(s.n, panel), high = (s.m + tile_rows - 1) / tile_rows;
    const bool tn = s.form == product_form::tn;
    parallel_for(threads, wide * high, [&](int t) {
      const int column = t % wide * panel, columns = std::min(panel, s.n - column);
      const int row = first_row(s.m, t / wide, high), end = first_row(s.m, t / wide + 1, high);
      block sums{nullptr, tn ? 1 : s.a_stride, tn ? s.a_stride : 1, nullptr, 0, panel,
                 nullptr, s.c_stride,          s.accumulate};
      sums.c = s.c + row * s.c_stride + column;
      alignas(64) float copy[depth * panel];
      for (int k0 = 0; k0 < s.k; k0 += depth) {
        sums.k = std::min(depth, s.k - k0);
        sums.a = s.a + row * sums.row_step + k0 * sums.depth_step;
        sums.b = copy;
        if (s.packed)
          sums.b = static_cast<const float*>(s.packed) + (static_cast<std::ptrdiff_t>(column) * s.k + k0 * panel);
        else if (s.form == product_form::nt)
          copy_transposed(s.b + column * s.b_stride + k0, s.b_stride, columns, sums.k, copy, panel);
        else
          copy_columns(s.b + k0 * s.b_stride + column, s.b_stride, columns, sums.k, copy, panel);
        multiply_panel<packets>(sums, end - row, columns);
        sums.add = true;
      }
      finish({row, end - row, column, columns, s.c + row * s.c_stride + column, s.c_stride});
    });
  }

  static std::size_t packed_bytes(device<cpu>&, precision, int n, int k) {
    return sizeof(float) * static_cast<std::size_t>(cpu_blocks::panels(n, panel)) * panel * static_cast<std::size_t>(k);
  }

  static void pack(device<cpu>&, int threads, precision p, int n, int k, const float* b, std::ptrdiff_t stride,
                   void* to) {
    each_panel(threads, p, n, k, to, [&](int column, int columns, float* at) {
      cpu_blocks::copy_transposed(b + column * stride, stride, columns, k, at, panel);
    });
  }
  template <precision P>
  static void panels_of(int threads, int n, int k, const float* b, std::ptrdiff_t stride, void* to) {
    each_panel(threads, P, n, k, to, [&](int column, int columns, float* at) {
      cpu_blocks::copy_columns(b + column, stride, columns, k, at, panel);
    });
  }

 private:
  static constexpr int depth = 256;
  static constexpr int tile_rows = 640;  // rows that share one copy of a panel

  template <class Copy>
  static void each_panel(int threads, precision p, int n, int k, void* to, Copy copy) {
    parallel_for(threads, cpu_blocks::panels(n, panel), [&](int t) {
      float* const at = static_cast<float*>(to) + std::ptrdiff_t{t} * panel * k;
      copy(t * panel, std::min(panel, n - t * panel), at);
      if (p == precision::bf16) cpu_blocks::round<precision::bf16>(panel * k, at, at);
    });
  }

  // Tiles of rows that differ by one group at most.
  static int first_row(int m, int tile, int tiles) {
    const int groups = (m + cpu_blocks::group - 1) / cpu_blocks::group;
    return std::min(m, static_cast<int>(std::int64_t{groups} * tile / tiles) * cpu_blocks::group);
  }
};

}  // namespace blip::inline BLIP_ABI
