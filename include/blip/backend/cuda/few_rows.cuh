// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/activation.cuh"
#include "blip/backend/cuda/few_rows.hpp"
#include "blip/backend/cuda/loops.cuh"
#include "blip/backend/cuda/normalized_row.cuh"

// y = act(x w^T + b) of few rows, as the decoder of a text multiplies them: what it takes is the time to read w, which
// is read once, 16 bytes at a time. A block owns 4 columns of y and up to 8 of its rows; its threads share the terms of
// a sum, 8 neighbours of k at a time, by the length of k alone: a row's bits depend on no other row. With a norm at the
// end, the last block of a row's to be done normalises the row; which one that is changes no number.
namespace blip::inline BLIP_ABI {

namespace gpu {

inline constexpr int few_columns = 4, few_part = 8;

struct few_rows_product {
  in x;
  const void* w;
  int w_stride, columns;
  bool half;  // products are in bf16
  in bias;
  activation act;
  in residual;
  out y, pre;
};

// Numbers k ... k + 7 of a row of n, zeros from n on. `Wide`: rows begin on 16 bytes, and n is a multiple of 8.
template <bool Wide>
__device__ void load_part(const float* row, int k, int n, float (&to)[few_part]) {
  if constexpr (Wide) {
    const pack<4> low = load<4>(row + k), high = load<4>(row + k + 4);
#pragma unroll
    for (int i = 0; i < 4; ++i) to[i] = low.v[i], to[i + 4] = high.v[i];
  } else {
#pragma unroll
    for (int i = 0; i < few_part; ++i) to[i] = k + i < n ? row[k + i] : 0.0f;
  }
}
struct alignas(16) eight_halves {
  bf16 v[few_part];
};
template <bool Wide>
__device__ void load_part(const bf16* row, int k, int n, float (&to)[few_part]) {
  if constexpr (Wide) {
    const eight_halves a = *reinterpret_cast<const eight_halves*>(row + k);
#pragma unroll
    for (int i = 0; i < few_part; ++i) to[i] = static_cast<float>(a.v[i]);
  } else {
#pragma unroll
    for (int i = 0; i < few_part; ++i) to[i] = k + i < n ? static_cast<float>(row[k + i]) : 0.0f;
  }
}
__device__ inline void round_part(float (&x)[few_part]) {
#pragma unroll
  for (int i = 0; i < few_part; ++i) x[i] = static_cast<float>(static_cast<bf16>(x[i]));
}

// The sum over all lanes of each of N numbers, 16 or 32 of them: lane l gets that of number l N / 32. As warp_sum adds,
// but every lane hands on half of what it has left, `Half` numbers.
template <int Half, int N>
__device__ float spread_sums(float (&v)[N], int other = lanes / 2) {
  static_assert(N == lanes / 2 || N == lanes);
  if constexpr (Half == 0) {
    return N == lanes ? v[0] : v[0] + __shfl_xor_sync(all_lanes, v[0], 1);
  } else {
    const bool upper = (lane() & other) != 0;
#pragma unroll
    for (int i = 0; i < Half; ++i) {
      const float got = __shfl_xor_sync(all_lanes, upper ? v[i] : v[i + Half], other);
      v[i] = (upper ? v[i + Half] : v[i]) + got;
    }
    return spread_sums<Half / 2>(v, other / 2);
  }
}

// How many blocks of a group of rows are done; the last one puts it back to 0.
inline constexpr int few_groups = cuda_few_rows::few_rows / 8;
static __device__ unsigned few_rows_done[few_groups];

// Whether this block, whose first warp has written its results, is the last of its group; then it sees all of them.
__device__ inline bool last_of_group() {
  __shared__ bool last;
  __syncwarp();
  if (thread() == 0) {
    __threadfence();
    last = atomicInc(&few_rows_done[block_y()], static_cast<unsigned>(blocks_x()) - 1) + 1 ==
           static_cast<unsigned>(blocks_x());
    __threadfence();
  }
  __syncthreads();
  return last;
}

template <int Rows, class Weight, bool Wide, bool Norm>
__global__ void multiply_few(few_rows_product p, normalized_row norm, bool four) {
  constexpr int sums_of_a_block = Rows * few_columns;
  const int n = in_use(p.x.rows, p.x.live), k = p.x.width, first = block_y() * Rows, column = block_x() * few_columns;
  if (first >= n) return;
  const Weight* const w = static_cast<const Weight*>(p.w);
  float sums[sums_of_a_block] = {};
  for (int i = thread() * few_part; i < k; i += threads() * few_part) {
    float a[few_columns][few_part];
#pragma unroll
    for (int c = 0; c < few_columns; ++c) {  // what is behind the last column or row is computed once more
      const int row = least(column + c, p.columns - 1);
      load_part<Wide>(w + static_cast<std::ptrdiff_t>(row) * p.w_stride, i, k, a[c]);
      if (std::is_same_v<Weight, float> && p.half) round_part(a[c]);
    }
#pragma unroll
    for (int r = 0; r < Rows; ++r) {
      float x[few_part];
      load_part<Wide>(p.x.row(least(first + r, n - 1)), i, k, x);
      if (p.half) round_part(x);
#pragma unroll
      for (int c = 0; c < few_columns; ++c)
#pragma unroll
        for (int j = 0; j < few_part; ++j) sums[r * few_columns + c] = fmaf(a[c][j], x[j], sums[r * few_columns + c]);
    }
  }
  constexpr int lanes_of_a_sum = lanes / sums_of_a_block;
  float* const shared = shared_memory<float>();
  const float whole = spread_sums<sums_of_a_block / 2>(sums);
  if (lane() % lanes_of_a_sum == 0) shared[warp() * sums_of_a_block + lane() / lanes_of_a_sum] = whole;
  __syncthreads();
  const int r = first + thread() / few_columns, c = column + thread() % few_columns;
  if (thread() < sums_of_a_block && r < n && c < p.columns) {
    float sum = shared[thread()];
    for (int other = 1; other < threads() / lanes; ++other) sum += shared[other * sums_of_a_block + thread()];
    if (p.bias.data) sum += p.bias(0, c);
    if (p.pre.data) p.pre(r, c) = sum;
    sum = activated(p.act, sum);
    p.y(r, c) = p.residual.data ? __fadd_rn(sum, p.residual(r, c)) : sum;  // a sum of its own, as ops::residual's
  }
  if constexpr (Norm) {
    if (!last_of_group()) return;
    for (int row = first + warp(); row < least(first + Rows, n); row += threads() / lanes)
      four ? norm.row<4>(row) : norm.row<1>(row);
  }
}

// Calls f with Rows, the type of the weights and Wide as constants.
template <class F>
void by_few_rows(int rows, bool packed, bool wide, F f) {
  const auto with = [&](auto r, auto weight) {
    if (wide)
      f(r, weight, std::true_type());
    else
      f(r, weight, std::false_type());
  };
  const auto by_weight = [&](auto r) { packed ? with(r, bf16()) : with(r, 0.0f); };
  if (rows <= 4)
    by_weight(std::integral_constant<int, 4>());
  else
    by_weight(std::integral_constant<int, 8>());
}

template <bool Norm>
void launch_few(device<cuda>& d, in x, weight_view<float> w, in b, activation act, in residual, out y, out pre,
                const normalized_row& norm, bool four) {
  const bool half = d.options().products == precision::bf16;
  if (w.packed && !half) return remember("blip: weights packed for bf16, and products of fp32");
  const void* const weights = w.packed ? w.packed : w.data;
  const int stride = w.packed ? w.width : w.stride;
  const bool wide = four_wide(x) && x.width % few_part == 0 && stride % few_part == 0 &&
                    reinterpret_cast<std::uintptr_t>(weights) % 16 == 0;
  const few_rows_product p{x, weights, stride, w.rows, half, b, act, residual, y, pre};
  // As many warps as have something to add, up to 8, each of them as often as the others.
  const int parts = at_least_one(ceiling(x.width, lanes * few_part)), warps = ceiling(parts, ceiling(parts, 8));
  by_few_rows(x.rows, w.packed != nullptr, wide, [&](auto rows, auto weight, auto is_wide) {
    launch(&multiply_few<rows(), decltype(weight), is_wide(), Norm>,
           grid_of(ceiling(w.rows, few_columns), ceiling(x.rows, rows())), warps * lanes,
           static_cast<std::size_t>(warps * rows() * few_columns) * sizeof(float), p, norm, four);
  });
}

}  // namespace gpu

extern "C" {

void blip_cuda_affine_few(device<cuda>& d, matrix_view<const float> x, weight_view<float> w, matrix_view<const float> b,
                          activation act, matrix_view<float> y, matrix_view<float> pre) {
  gpu::launch_few<false>(d, x, w, b, act, {}, y, pre, {}, false);
}

void blip_cuda_affine_norm(device<cuda>& d, matrix_view<const float> h, weight_view<float> w,
                           matrix_view<const float> b, activation act, matrix_view<const float> x,
                           matrix_view<const float> gamma, matrix_view<const float> beta, double eps,
                           matrix_view<float> y) {
  gpu::launch_few<true>(d, h, w, b, act, x, y, {}, {y, gamma, beta, static_cast<float>(eps), y, {}},
                        gpu::four_wide(y, gamma, beta));
}

}  // extern "C"

}  // namespace blip::inline BLIP_ABI
