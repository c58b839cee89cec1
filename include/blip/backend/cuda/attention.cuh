// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/attend_one.cuh"
#include "blip/backend/cuda/attention.hpp"
#include "blip/backend/cuda/attention_of.cuh"
#include "blip/backend/cuda/mma_attention.cuh"
#include "blip/backend/cuda/tiles.cuh"

namespace blip::inline BLIP_ABI {

namespace gpu {

// Streamed attention in fp32 (softmax as in Milakov & Gimelshein 2018, tiles as in FlashAttention): scores exist one
// tile at a time. A block has the queries of one sequence and head, or, for the gradients of keys and values, the keys;
// it goes through all sequences that read them in their order, so nothing is added by two blocks.
template <int K>
__global__ void attend(attention_of a, appended_rows fresh, out y, out lse) {
  const int s = block_z(), head = block_y(), first = block_x() * own_rows, column = head * a.width;
  const int n = a.ql.length(s), from = a.keys_of(s), m = a.kl.length(from), query0 = a.ql.begin(s),
            key0 = a.kl.begin(from);
  if (first >= n) return;
  if (fresh.places) fresh.bring(query0, n, column, a.width);
  float* const weights = shared_memory<float>();
  float* const own = weights + weight_floats;
  float* const keys = own + own_floats(a.width);
  float* const values = keys + tile_floats(a.width);
  load_own(own, a.q, query0 + first, query0 + n, column, a.width, static_cast<float>(a.spec.scale));

  float top[rows_of_a_warp], mass[rows_of_a_warp], sums[rows_of_a_warp][K] = {};
#pragma unroll
  for (int i = 0; i < rows_of_a_warp; ++i) top[i] = lowest_score, mass[i] = 0;
  const int mine = first + warp() * rows_of_a_warp, most_seen = a.seen(least(first + own_rows, n) - 1, n, m);
  for (int tile = 0; tile < most_seen; tile += tile_rows) {
    __syncthreads();  // nobody reads the tile before
    load_tile(keys, a.k, key0 + tile, key0 + m, column, a.width);
    load_tile(values, a.v, key0 + tile, key0 + m, column, a.width);
    __syncthreads();
    float p[rows_of_a_warp];
    tile_products(own, keys, a.width, p);
    const int key = tile + lane();
#pragma unroll
    for (int i = 0; i < rows_of_a_warp; ++i) {
      const bool visible = mine + i < n && key < a.seen(mine + i, n, m);
      const float above = most(top[i], warp_most(visible ? p[i] : lowest_score)), shrink = expf(top[i] - above);
      p[i] = visible ? expf(p[i] - above) : 0.0f;
      mass[i] = mass[i] * shrink + warp_sum(p[i]);
      top[i] = above;
      if (visible) p[i] *= a.factor(s, head, mine + i, key);
#pragma unroll
      for (int k = 0; k < K; ++k) sums[i][k] *= shrink;
    }
    add_tile<K>(p, weights, values, a.width, sums);
  }
#pragma unroll
  for (int i = 0; i < rows_of_a_warp && mine + i < n; ++i) {
    const int row = query0 + mine + i;
#pragma unroll
    for (int k = 0; k < K; ++k)
      if (lane() + lanes * k < a.width)
        y(row, column + lane() + lanes * k) = mass[i] == 0 ? 0.0f : sums[i][k] / mass[i];  // 0: it sees no key
    if (lse.data && lane() == 0) lse(row, head) = top[i] + logf(mass[i]);
  }
}

// sum_c dy_c y_c of every head: what all of a query's probabilities lose in common.
struct common_slope {
  in y, dy;
  int heads, width;
  float* to;
  template <int V>
  __device__ void row(int r) const {
    static_assert(V == 1);
    for (int h = 0; h < heads; ++h) {
      float sum = 0;
      for (int c = lane(); c < width; c += lanes) sum += y(r, h * width + c) * dy(r, h * width + c);
      sum = warp_sum(sum);
      if (lane() == 0) to[static_cast<std::ptrdiff_t>(r) * heads + h] = sum;
    }
  }
};

template <int K>
__global__ void query_gradients(attention_of a, in lse, in dy, const float* common, grad dq) {
  const int s = block_z(), head = block_y(), first = block_x() * own_rows, column = head * a.width;
  const int n = a.ql.length(s), from = a.keys_of(s), m = a.kl.length(from), query0 = a.ql.begin(s),
            key0 = a.kl.begin(from);
  if (first >= n) return;
  const auto scale = static_cast<float>(a.spec.scale);
  float* const weights = shared_memory<float>();
  float* const own = weights + weight_floats;
  float* const slopes = own + own_floats(a.width);
  float* const keys = slopes + own_floats(a.width);
  float* const values = keys + tile_floats(a.width);
  load_own(own, a.q, query0 + first, query0 + n, column, a.width, scale);
  load_own(slopes, dy, query0 + first, query0 + n, column, a.width);

  float sums[rows_of_a_warp][K] = {}, log_mass[rows_of_a_warp], shared_slope[rows_of_a_warp];
  const int mine = first + warp() * rows_of_a_warp, most_seen = a.seen(least(first + own_rows, n) - 1, n, m);
#pragma unroll
  for (int i = 0; i < rows_of_a_warp; ++i) {
    const bool used = mine + i < n;
    log_mass[i] = used ? lse(query0 + mine + i, head) : 0.0f;
    shared_slope[i] = used ? common[static_cast<std::ptrdiff_t>(query0 + mine + i) * a.spec.heads + head] : 0.0f;
  }
  for (int tile = 0; tile < most_seen; tile += tile_rows) {
    __syncthreads();  // nobody reads the tile before
    load_tile(keys, a.k, key0 + tile, key0 + m, column, a.width);
    load_tile(values, a.v, key0 + tile, key0 + m, column, a.width);
    __syncthreads();
    float p[rows_of_a_warp], dp[rows_of_a_warp];
    tile_products(own, keys, a.width, p);
    tile_products(slopes, values, a.width, dp);
    const int key = tile + lane();
#pragma unroll
    for (int i = 0; i < rows_of_a_warp; ++i) {
      const bool visible = mine + i < n && key < a.seen(mine + i, n, m);
      p[i] = !visible ? 0.0f
                      : expf(p[i] - log_mass[i]) * (a.factor(s, head, mine + i, key) * dp[i] - shared_slope[i]) * scale;
    }
    add_tile<K>(p, weights, keys, a.width, sums);
  }
#pragma unroll
  for (int i = 0; i < rows_of_a_warp && mine + i < n; ++i)
#pragma unroll
    for (int k = 0; k < K; ++k)
      if (lane() + lanes * k < a.width) dq.put(query0 + mine + i, column + lane() + lanes * k, sums[i][k]);
}

template <int K>
__global__ void key_gradients(attention_of a, in lse, in dy, const float* common, grad dk, grad dv) {
  const int from = block_z(), head = block_y(), first = block_x() * own_rows, column = head * a.width;
  const int m = a.kl.length(from), key0 = a.kl.begin(from);
  if (first >= m) return;
  const auto scale = static_cast<float>(a.spec.scale);
  float* const weights = shared_memory<float>();
  float* const own = weights + weight_floats;
  float* const own_values = own + own_floats(a.width);
  float* const queries = own_values + own_floats(a.width);
  float* const slopes = queries + tile_floats(a.width);
  load_own(own, a.k, key0 + first, key0 + m, column, a.width, scale);
  load_own(own_values, a.v, key0 + first, key0 + m, column, a.width);

  float sums[rows_of_a_warp][K] = {}, value_sums[rows_of_a_warp][K] = {};
  const int mine = first + warp() * rows_of_a_warp, last_s = a.source ? a.ql.sequences : from + 1;
  for (int s = a.source ? 0 : from; s < last_s; ++s) {
    if (a.keys_of(s) != from) continue;
    const int n = a.ql.length(s), query0 = a.ql.begin(s);
    // Queries before this one see none of the block's keys.
    const int first_query = a.spec.causal ? most(0, first + n - m) / tile_rows * tile_rows : 0;
    for (int tile = first_query; tile < n; tile += tile_rows) {
      __syncthreads();  // nobody reads the tile before
      load_tile(queries, a.q, query0 + tile, query0 + n, column, a.width);
      load_tile(slopes, dy, query0 + tile, query0 + n, column, a.width);
      __syncthreads();
      float p[rows_of_a_warp], dp[rows_of_a_warp];
      tile_products(own, queries, a.width, p);
      tile_products(own_values, slopes, a.width, dp);
      const int i = tile + lane();
      const float log_mass = i < n ? lse(query0 + i, head) : 0.0f;
      const float shared_slope = i < n ? common[static_cast<std::ptrdiff_t>(query0 + i) * a.spec.heads + head] : 0.0f;
#pragma unroll
      for (int j = 0; j < rows_of_a_warp; ++j) {
        const bool visible = i < n && mine + j < m && mine + j < a.seen(i, n, m);
        const float kept = visible ? expf(p[j] - log_mass) : 0.0f;
        const float factor = visible ? a.factor(s, head, i, mine + j) : 0.0f;
        dp[j] = kept * (factor * dp[j] - shared_slope) * scale;
        p[j] = kept * factor;
      }
      add_tile<K>(dp, weights, queries, a.width, sums);
      __syncwarp();  // nobody reads the weights before
      add_tile<K>(p, weights, slopes, a.width, value_sums);
    }
  }
#pragma unroll
  for (int j = 0; j < rows_of_a_warp && mine + j < m; ++j)
#pragma unroll
    for (int k = 0; k < K; ++k) {
      const int c = lane() + lanes * k;
      if (c >= a.width) continue;
      if (dk) dk.put(key0 + mine + j, column + c, sums[j][k]);
      if (dv) dv.put(key0 + mine + j, column + c, value_sums[j][k]);
    }
}

inline constexpr int widest_head = 256;
inline void refuse_head() { remember("blip: a head of more than 256 columns"); }

struct packed_row {
  in k, v;
  bf16* to;
  template <int V>
  __device__ void at(int r, int c) const {
    const pack<V> key = load<V>(k.row(r) + c), value = load<V>(v.row(r) + c);
    bf16* const row = to + std::ptrdiff_t{r} * 2 * k.width + c;
    for (int i = 0; i < V; ++i) row[i] = static_cast<bf16>(key.v[i]), row[k.width + i] = static_cast<bf16>(value.v[i]);
  }
};

inline void launch_attend(const device<cuda>& d, const attention_of& a, const appended_rows& fresh, out y, out lse) {
  if (attend_in_tiles(d, a, fresh, y, lse)) return;
  if (a.spec.packed_keys && cuda_attention::packs_keys(d.options().products, a.width))
    return remember("blip: packed keys, and queries or results that are not aligned to 16 bytes");
  if (launch_attend_one(a, fresh, y, lse)) return;
  const auto shared =
      static_cast<std::size_t>(weight_floats + own_floats(a.width) + 2 * tile_floats(a.width)) * sizeof(float);
  const dim3 grid = grid_of(ceiling(a.ql.longest, own_rows), a.spec.heads, a.ql.sequences);
  if (!by_lane_columns<widest_head / lanes>(
          a.width, [&](auto c) { launch(&attend<c()>, grid, tile_warps * lanes, shared, a, fresh, y, lse); }))
    refuse_head();
}

}  // namespace gpu

extern "C" {

void blip_cuda_attention(device<cuda>& d, matrix_view<const float> q, matrix_view<const float> k,
                         matrix_view<const float> v, const sequence_layout& ql, const sequence_layout& kl,
                         source_index source, const attention_spec& spec, matrix_view<float> y,
                         matrix_view<float> lse) {
  gpu::launch_attend(d, {q, k, v, ql, kl, source, spec, q.width / spec.heads}, {}, y, lse);
}

void blip_cuda_pack_keys(device<cuda>&, matrix_view<const float> k, matrix_view<const float> v, const sequence_layout&,
                         int, float* to) {
  gpu::each(gpu::packed_row{k, v, reinterpret_cast<bf16*>(to)}, k.rows, k.live, k.width, gpu::four_wide(k, v));
}

void blip_cuda_attention_appending(device<cuda>& d, matrix_view<const float> qkv, const int* places,
                                   matrix_view<float> cache, const sequence_layout& ql, const sequence_layout& kl,
                                   const attention_spec& spec, matrix_view<float> y) {
  const int width = y.width;
  const gpu::in all = cache;
  gpu::launch_attend(d, {qkv.columns(0, width), all.columns(0, width), all.columns(width, width), ql, kl, nullptr, spec,
                      width / spec.heads},
                     {qkv.columns(width, 2 * width), places, cache}, y, {});
}

void blip_cuda_attention_vjp(device<cuda>& d, matrix_view<const float> q, matrix_view<const float> k,
                             matrix_view<const float> v, const sequence_layout& ql, const sequence_layout& kl,
                             source_index source, const attention_spec& spec, matrix_view<const float> y,
                             matrix_view<const float> lse, matrix_view<const float> dy, gradient_view<float> dq,
                             gradient_view<float> dk, gradient_view<float> dv) {
  if (!dq && !dk && !dv) return;
  const int width = q.width / spec.heads;
  const gpu::attention_of a{q, k, v, ql, kl, source, spec, width};
  const scratch<cuda, float> common(d, static_cast<std::size_t>(y.rows) * static_cast<std::size_t>(spec.heads));
  gpu::plain_rows_by_warps(gpu::common_slope{y, dy, spec.heads, width, common.data()}, y.rows, dy.live);
  const gpu::in slopes{common.data(), y.rows, spec.heads, spec.heads, nullptr};
  if (gpu::gradients_in_tiles(d, a, lse, dy, slopes, dq, dk, dv)) return;
  const auto shared =
      static_cast<std::size_t>(gpu::weight_floats + 2 * gpu::own_floats(width) + 2 * gpu::tile_floats(width)) *
      sizeof(float);
  constexpr int threads = gpu::tile_warps * gpu::lanes;
  if (!gpu::by_lane_columns<gpu::widest_head / gpu::lanes>(width, [&](auto c) {
        if (dq)
          gpu::launch(&gpu::query_gradients<c()>,
                      gpu::grid_of(gpu::ceiling(ql.longest, gpu::own_rows), spec.heads, ql.sequences), threads, shared,
                      a, lse, dy, common.data(), dq);
        if (dk || dv)
          gpu::launch(&gpu::key_gradients<c()>,
                      gpu::grid_of(gpu::ceiling(kl.longest, gpu::own_rows), spec.heads, kl.sequences), threads, shared,
                      a, lse, dy, common.data(), dk, dv);
      }))
    gpu::refuse_head();
}

}  // extern "C"

}  // namespace blip::inline BLIP_ABI
