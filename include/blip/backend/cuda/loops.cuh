// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/arch.cuh"
#include "blip/backend/cuda/reduce.cuh"
#include "blip/core/sequence_layout.hpp"

// The ways in which most kernels go through a matrix: element by element, row by row, sequence by sequence, column by
// column. What happens there is an object with a member template; V is the number of columns of one access.
namespace blip::inline BLIP_ABI::gpu {

__device__ inline int in_use(int rows, const int* live) { return live ? least(rows, *live) : rows; }

// f.at<V>(r, c): columns c ... c + V - 1 of row r.
template <int V, class F>
__global__ void each_pack(F f, int rows, const int* live, int width) {
  const int packs = width / V;
  const std::int64_t all = std::int64_t{in_use(rows, live)} * packs, step = std::int64_t{blocks_x()} * threads();
  for (std::int64_t i = std::int64_t{block_x()} * threads() + thread(); i < all; i += step)
    f.template at<V>(static_cast<int>(i / packs), static_cast<int>(i % packs) * V);
}
template <class F>
void each(F f, int rows, const int* live, int width, bool four) {
  constexpr int block = 128, most_blocks = 8192;
  by_pack(four, [&](auto v) {
    const int blocks = ceiling(std::int64_t{rows} * (width / v()), block);
    launch(&each_pack<v(), F>, grid_of(least(blocks, most_blocks)), block, 0, f, rows, live, width);
  });
}
// f.at<1>(r, c), for what cannot take several columns at a time.
template <class F>
void each_number(F f, int rows, int width, const int* live = nullptr) {
  constexpr int block = 128, most_blocks = 8192;
  launch(&each_pack<1, F>, grid_of(least(ceiling(std::int64_t{rows} * width, block), most_blocks)), block, 0, f, rows,
         live, width);
}

// f.row<V>(r): one warp for each row.
template <int V, class F>
__global__ void each_row(F f, int rows, const int* live) {
  const int n = in_use(rows, live), per_block = threads() / lanes;
  for (int r = block_x() * per_block + warp(); r < n; r += blocks_x() * per_block) f.template row<V>(r);
}
template <class F>
void rows_by_warps(F f, int rows, const int* live, bool four) {
  constexpr int warps = 4;
  by_pack(four,
          [&](auto v) { launch(&each_row<v(), F>, grid_of(ceiling(rows, warps)), warps * lanes, 0, f, rows, live); });
}
// f.row<1>(r), for what is no matrix of its own.
template <class F>
void plain_rows_by_warps(F f, int rows, const int* live = nullptr) {
  constexpr int warps = 4;
  launch(&each_row<1, F>, grid_of(ceiling(rows, warps)), warps * lanes, 0, f, rows, live);
}

// f.row<V>(r, s, i): one warp for row i of sequence s, which is row r of the matrix.
template <int V, class F>
__global__ void each_sequence_row(F f, sequence_layout l) {
  const int per_block = threads() / lanes, s = block_y(), i = block_x() * per_block + warp();
  if (i < l.length(s)) f.template row<V>(l.begin(s) + i, s, i);
}
template <class F>
void sequences_by_warps(F f, const sequence_layout& l, bool four) {
  constexpr int warps = 4, most_high = 65535;
  if (l.sequences > most_high) return remember("blip: more than 65535 sequences");
  by_pack(four, [&](auto v) {
    launch(&each_sequence_row<v(), F>, grid_of(ceiling(l.longest, warps), l.sequences), warps * lanes, 0, f, l);
  });
}

// Sums over the rows of each column, N of them at a time: f.add(r, c, sums[N]), then to.put(c, sums[N]). Rows are dealt
// to blocks by the capacity of the matrix and partial sums are added in their order: the same bits in every run.
template <int N, class F>
__global__ void column_parts(F f, int rows, const int* live, int width, float* parts) {
  const int c = block_x() * lanes + lane(), n = in_use(rows, live), per_block = threads() / lanes;
  const int share = ceiling(rows, blocks_y()), first = block_y() * share, last = least(first + share, n);
  float sums[N] = {};
  if (c < width)
    for (int r = first + warp(); r < last; r += per_block) f.add(r, c, sums);
  float* const shared = shared_memory<float>();
  for (int k = 0; k < N; ++k) shared[(k * per_block + warp()) * lanes + lane()] = sums[k];
  __syncthreads();
  if (warp() > 0 || c >= width) return;
  for (int k = 0; k < N; ++k) {
    float sum = 0;
    for (int w = 0; w < per_block; ++w) sum += shared[(k * per_block + w) * lanes + lane()];
    parts[(static_cast<std::ptrdiff_t>(block_y()) * N + k) * width + c] = sum;
  }
}
// Every warp adds the parts of some shares, then the first one what the warps have.
template <int N, class To>
__global__ void column_totals(To to, int width, int shares, const float* parts) {
  const int c = block_x() * lanes + lane(), per_block = threads() / lanes;
  const int some = ceiling(shares, per_block), first = warp() * some, last = least(first + some, shares);
  float sums[N] = {};
  if (c < width)
    for (int b = first; b < last; ++b)
      for (int k = 0; k < N; ++k) sums[k] += parts[(static_cast<std::ptrdiff_t>(b) * N + k) * width + c];
  float* const shared = shared_memory<float>();
  for (int k = 0; k < N; ++k) shared[(k * per_block + warp()) * lanes + lane()] = sums[k];
  __syncthreads();
  if (warp() > 0 || c >= width) return;
  for (int k = 0; k < N; ++k)
    for (int w = 1; w < per_block; ++w) sums[k] += shared[(k * per_block + w) * lanes + lane()];
  to.put(c, sums);
}
// What the parts [shares, N, width] of some kernel come to, column by column.
template <int N, class To>
void add_shares(To to, int width, int shares, const float* parts) {
  constexpr int block = 128;
  launch(&column_totals<N, To>, grid_of(ceiling(width, lanes)), block, N * block * sizeof(float), to, width, shares,
         parts);
}
template <int N, class F, class To>
void sum_columns(device<cuda>& d, F f, To to, int rows, const int* live, int width) {
  constexpr int block = 128, rows_of_a_share = 128, most_shares = 64;
  const int shares = at_least_one(least(ceiling(rows, rows_of_a_share), most_shares));
  const scratch<cuda, float> parts(d, static_cast<std::size_t>(shares) * N * static_cast<std::size_t>(width));
  launch(&column_parts<N, F>, grid_of(ceiling(width, lanes), shares), block, N * block * sizeof(float), f, rows, live,
         width, parts.data());
  add_shares<N>(to, width, shares, parts.data());
}

// Sums over 0 ... n - 1, N of them at a time: f.add(i, sums[N]), then to.put(sums[N]) by one thread. Blocks take what
// the number n alone gives them, and their sums are added in a fixed order.
template <class T, int N, class F>
__global__ void sum_parts(F f, std::int64_t n, T* parts) {
  T sums[N] = {};
  const std::int64_t step = std::int64_t{blocks_x()} * threads();
  for (std::int64_t i = std::int64_t{block_x()} * threads() + thread(); i < n; i += step) f.add(i, sums);
  for (int k = 0; k < N; ++k) {
    const T sum = block_sum(sums[k]);
    if (thread() == 0) parts[block_x() * N + k] = sum;
  }
}
template <class T, int N, class To>
__global__ void sum_total(To to, int blocks, const T* parts) {
  T sums[N] = {};
  for (int b = lane(); b < blocks; b += lanes)
    for (int k = 0; k < N; ++k) sums[k] += parts[b * N + k];
  for (int k = 0; k < N; ++k) sums[k] = warp_sum(sums[k]);
  if (lane() == 0) to.put(sums);
}
template <class T, int N, class F, class To>
void sum_all(device<cuda>& d, F f, To to, std::int64_t n) {
  constexpr int block = 128, most_blocks = 256, terms_of_a_thread = 8;
  const int blocks = at_least_one(least(ceiling(n, block * terms_of_a_thread), most_blocks));
  const scratch<cuda, T> parts(d, static_cast<std::size_t>(blocks) * N);
  launch(&sum_parts<T, N, F>, grid_of(blocks), block, lanes * sizeof(T), f, n, parts.data());
  launch(&sum_total<T, N, To>, grid_of(1), lanes, 0, to, blocks, static_cast<const T*>(parts.data()));
}

}  // namespace blip::inline BLIP_ABI::gpu
