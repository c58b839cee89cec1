// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>

#include "blip/backend/cpu/blocks.hpp"
#include "blip/backend/cpu/pairs.hpp"
#include "blip/core/device.hpp"

// The form in which attention holds the factors of its products, [rows, depth] against panels [depth, 32]: as floats, or
// as pairs of bf16. Every form has the same members.
namespace blip::inline BLIP_ABI::cpu_streams {

using namespace cpu_blocks;

inline constexpr int packets = 2;  // per panel
inline constexpr int panel = packets * lanes;
inline constexpr int key_block = 320;  // keys whose scores exist at a time; part of the definition of the sum
static_assert(key_block % panel == 0 && key_block % 32 == 0);

// A factor whose rows are read one element at a time: a(i, p) = data[i * row_step + p * depth_step].
struct factor {
  const float* data;
  std::ptrdiff_t row_step, depth_step;
};

struct float_factors {
  static constexpr int query_block = 3 * group;  // queries that share a panel while it is in cache
  static constexpr int staged = 1;               // floats that a staged block of scores takes
  static int depth(int n) { return n; }
  static std::size_t row_space(int) { return 0; }  // floats that a staged block of rows takes

  struct task {  // lives while a worker multiplies
    task() {}
  };

  static factor rows(const float* x, std::ptrdiff_t stride, int, int, float*) { return {x, stride, 1}; }
  static factor columns(const float* x, std::ptrdiff_t stride, int, int, float*) { return {x, 1, stride}; }

  // x [rows, width] becomes panels: columns of the product (transposed), or its depth.
  static void pack_transposed(const float* x, std::ptrdiff_t stride, int rows, int width, float* to) {
    for (int r = 0; r < rows; r += panel)
      copy_transposed(x + r * stride, stride, std::min(panel, rows - r), width, to + std::ptrdiff_t{r} * width, panel);
  }
  static void pack_columns(const float* x, std::ptrdiff_t stride, int rows, int width, float* to) {
    for (int c = 0; c < width; c += panel)
      copy_columns(x + c, stride, std::min(panel, width - c), rows, to + std::ptrdiff_t{c} * rows, panel);
  }

  // c [m, n] (+)= a [m, k] b, where b lies in panels: the part of panel j at b + j * step.
  static void multiply(int m, int n, int k, const factor& a, const float* b, std::ptrdiff_t step, float* c,
                       std::ptrdiff_t c_stride, bool add) {
    for (int j = 0; j < n; j += panel, b += step)
      multiply_panel<packets>({a.data, a.row_step, a.depth_step, b, k, panel, c + j, c_stride, add}, m,
                              std::min(panel, n - j));
  }
};

#if defined(BLIP_HAS_PAIRS)

struct pair_factors {
  static constexpr int query_block = 2 * cpu_pairs::side;
  static constexpr int staged = query_block * key_block / 2;
  static int depth(int n) { return cpu_pairs::words(n); }
  static std::size_t row_space(int width) { return static_cast<std::size_t>(query_block * depth(width)); }

  using task = cpu_pairs::tiles_in_use;

  static factor rows(const float* x, std::ptrdiff_t stride, int rows, int width, float* to) {
    for (int i = 0; i < rows; ++i) cpu_pairs::round_row(x + i * stride, width, to + std::ptrdiff_t{i} * depth(width));
    return {to, depth(width), 1};
  }
  static factor columns(const float* x, std::ptrdiff_t stride, int rows, int columns, float* to) {
    cpu_pairs::turn(x, stride, rows, columns, to);
    return {to, cpu_pairs::side, 1};
  }
  static void pack_transposed(const float* x, std::ptrdiff_t stride, int rows, int width, float* to) {
    cpu_pairs::pack_transposed(x, stride, rows, width, to);
  }
  static void pack_columns(const float* x, std::ptrdiff_t stride, int rows, int width, float* to) {
    cpu_pairs::pack_columns(x, stride, rows, width, to);
  }
  static void multiply(int m, int n, int k, const factor& a, const float* b, std::ptrdiff_t step, float* c,
                       std::ptrdiff_t c_stride, bool add) {
    cpu_pairs::multiply(m, n, k, a.data, a.row_step, b, step, c, c_stride, add);
  }
};

#endif

// f.template operator()<Form>() for the form of this device's products.
template <class F>
void with_factors([[maybe_unused]] const device<cpu>& d, F f) {
#if defined(BLIP_HAS_PAIRS)
  if (d.options().products == precision::bf16) return f.template operator()<pair_factors>();
#endif
  f.template operator()<float_factors>();
}

}  // namespace blip::inline BLIP_ABI::cpu_streams
