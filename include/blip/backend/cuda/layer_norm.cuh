// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/loops.cuh"
#include "blip/backend/cuda/normalized_row.cuh"
#include "blip/backend/cuda/rows.hpp"

namespace blip::inline BLIP_ABI {

namespace gpu {

struct normalized_row_gradient {
  in x, gamma, stats, dy;
  grad dx;

  template <int V>
  __device__ void row(int r) const {
    const float mean = stats(r, 0), inverse = stats(r, 1);
    float sum = 0, sum_hat = 0;
    for (int c = lane() * V; c < x.width; c += lanes * V) {
      const pack<V> a = load<V>(x.row(r) + c), g = load<V>(gamma.data + c), b = load<V>(dy.row(r) + c);
      for (int i = 0; i < V; ++i) {
        const float slope = b.v[i] * g.v[i];
        sum += slope;
        sum_hat += slope * ((a.v[i] - mean) * inverse);
      }
    }
    sum = warp_sum(sum) / static_cast<float>(x.width);
    sum_hat = warp_sum(sum_hat) / static_cast<float>(x.width);
    for (int c = lane() * V; c < x.width; c += lanes * V) {
      pack<V> a = load<V>(x.row(r) + c);
      const pack<V> g = load<V>(gamma.data + c), b = load<V>(dy.row(r) + c);
      for (int i = 0; i < V; ++i) a.v[i] = (b.v[i] * g.v[i] - sum - (a.v[i] - mean) * inverse * sum_hat) * inverse;
      put<V>(dx, r, c, a);
    }
  }
};

struct gain_and_shift_terms {
  in x, stats, dy;
  __device__ void add(int r, int c, float* sums) const {
    sums[0] += dy(r, c) * ((x(r, c) - stats(r, 0)) * stats(r, 1));
    sums[1] += dy(r, c);
  }
};
struct gain_and_shift_gradient {
  grad dgamma, dbeta;
  __device__ void put(int c, const float* sums) const {
    if (dgamma) dgamma.put(0, c, sums[0]);
    if (dbeta) dbeta.put(0, c, sums[1]);
  }
};

// Both in one pass over x and dy: a warp takes every per_block-th row of its block's share, and a lane keeps its columns
// of the row, and of the sums over rows, in registers. Rows have at most 128 N columns, four of which one access moves.
template <int N>
__global__ void norm_gradients(in x, in gamma, in stats, in dy, grad dx, float* parts) {
  constexpr int V = 4;
  const int n = in_use(x.rows, dy.live), per_block = threads() / lanes, share = ceiling(x.rows, blocks_x());
  const int last = least((block_x() + 1) * share, n);
  pack<V> gain[N] = {}, shift[N] = {};
  for (int r = block_x() * share + warp(); r < last; r += per_block) {
    const float mean = stats(r, 0), inverse = stats(r, 1);
    pack<V> hat[N], slope[N];
    float sum = 0, sum_hat = 0;
#pragma unroll
    for (int k = 0; k < N; ++k) {
      const int c = (k * lanes + lane()) * V;
      if (c >= x.width) break;
      const pack<V> g = load<V>(gamma.data + c), b = load<V>(dy.row(r) + c);
      hat[k] = load<V>(x.row(r) + c);
#pragma unroll
      for (int i = 0; i < V; ++i) {
        hat[k].v[i] = (hat[k].v[i] - mean) * inverse;
        slope[k].v[i] = b.v[i] * g.v[i];
        sum += slope[k].v[i];
        sum_hat += slope[k].v[i] * hat[k].v[i];
        gain[k].v[i] += b.v[i] * hat[k].v[i];
        shift[k].v[i] += b.v[i];
      }
    }
    sum = warp_sum(sum) / static_cast<float>(x.width);
    sum_hat = warp_sum(sum_hat) / static_cast<float>(x.width);
#pragma unroll
    for (int k = 0; k < N; ++k) {
      const int c = (k * lanes + lane()) * V;
      if (c >= x.width) break;
#pragma unroll
      for (int i = 0; i < V; ++i) slope[k].v[i] = (slope[k].v[i] - sum - hat[k].v[i] * sum_hat) * inverse;
      put<V>(dx, r, c, slope[k]);
    }
  }
  float* const shared = shared_memory<float>();  // [per_block, 2, width]
#pragma unroll
  for (int k = 0; k < N; ++k) {
    const int c = (k * lanes + lane()) * V;
    if (c >= x.width) break;
    store<V>(shared + 2 * warp() * x.width + c, gain[k]);
    store<V>(shared + (2 * warp() + 1) * x.width + c, shift[k]);
  }
  __syncthreads();
  for (int c = thread(); c < 2 * x.width; c += threads()) {
    float sum = 0;
    for (int w = 0; w < per_block; ++w) sum += shared[2 * w * x.width + c];
    parts[static_cast<std::ptrdiff_t>(block_x()) * 2 * x.width + c] = sum;
  }
}

// Calls f with N for rows of so many columns, if there is one.
template <class F>
bool by_packs_of_a_lane(int width, F f) {
  const int packs = ceiling(width, 4 * lanes);
  if (packs <= 1)
    f(std::integral_constant<int, 1>());
  else if (packs <= 3)
    f(std::integral_constant<int, 3>());
  else if (packs <= 6)
    f(std::integral_constant<int, 6>());
  else if (packs <= 8)
    f(std::integral_constant<int, 8>());
  return packs <= 8;
}

inline bool norm_gradients_at_once(device<cuda>& d, in x, in gamma, in stats, in dy, const grad& dx, const grad& dgamma,
                                   const grad& dbeta) {
  if (!dx || !(dgamma || dbeta) || !four_wide(x, gamma, dy, dx)) return false;
  constexpr int warps = 4, rows_of_a_share = 64, most_shares = 528;  // four blocks for each of 132 processors
  const int shares = at_least_one(least(ceiling(x.rows, rows_of_a_share), most_shares));
  return by_packs_of_a_lane(x.width, [&](auto n) {
    const std::size_t sums = 2 * static_cast<std::size_t>(x.width);
    const scratch<cuda, float> parts(d, static_cast<std::size_t>(shares) * sums);
    launch(&norm_gradients<n()>, grid_of(shares), warps * lanes, warps * sums * sizeof(float), x, gamma, stats, dy, dx,
           parts.data());
    add_shares<2>(gain_and_shift_gradient{dgamma, dbeta}, x.width, shares, parts.data());
  });
}

}  // namespace gpu

extern "C" {

void blip_cuda_layer_norm(device<cuda>&, matrix_view<const float> x, matrix_view<const float> gamma,
                          matrix_view<const float> beta, double eps, matrix_view<float> y, matrix_view<float> stats) {
  gpu::rows_by_warps(gpu::normalized_row{x, gamma, beta, static_cast<float>(eps), y, stats}, x.rows, x.live,
                     gpu::four_wide(x, gamma, beta, y));
}

void blip_cuda_layer_norm_vjp(device<cuda>& d, matrix_view<const float> x, matrix_view<const float> gamma,
                              matrix_view<const float> stats, matrix_view<const float> dy, gradient_view<float> dx,
                              gradient_view<float> dgamma, gradient_view<float> dbeta) {
  if (gpu::norm_gradients_at_once(d, x, gamma, stats, dy, dx, dgamma, dbeta)) return;
  if (dx)
    gpu::rows_by_warps(gpu::normalized_row_gradient{x, gamma, stats, dy, dx}, x.rows, dy.live,
                       gpu::four_wide(x, gamma, dy, dx));
  if (dgamma || dbeta)
    gpu::sum_columns<2>(d, gpu::gain_and_shift_terms{x, stats, dy}, gpu::gain_and_shift_gradient{dgamma, dbeta}, x.rows,
                        dy.live, x.width);
}

}  // extern "C"

}  // namespace blip::inline BLIP_ABI
