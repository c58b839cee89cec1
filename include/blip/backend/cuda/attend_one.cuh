// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/attention_of.cuh"
#include "blip/backend/cuda/tiles.cuh"

// Attention in fp32 of queries that are alone in their sequence, as those of a decoder: all threads of a block share
// the keys of one query and head, where `attend` gives them to one warp. Every number is made by the same operations in
// the same order as there, tile by tile of 32 keys, so the bits are the same: a decoder's rows are those of a pass over
// the text.
namespace blip::inline BLIP_ABI::gpu {

inline constexpr int one_query_threads = 256, widest_of_one = 128;  // a thread sums a column

// Rows first ... first + 255 of columns [column, column + width), `V` apart more than they are wide; zeros from `end`
// on.
template <int V>
__device__ void load_many(float* to, in x, int first, int end, int column, int width) {
  constexpr int at_once = 8;
  const int packs = width / V, all = one_query_threads * packs;
  for (int start = thread(); start < all; start += at_once * one_query_threads) {
    pack<V> some[at_once];
#pragma unroll
    for (int i = 0; i < at_once; ++i) {
      const int at = start + i * one_query_threads, r = first + at / packs;
      some[i] = at < all && r < end ? load<V>(x.row(r) + column + at % packs * V) : pack<V>{};
    }
#pragma unroll
    for (int i = 0; i < at_once; ++i) {
      const int at = start + i * one_query_threads;
      if (at < all) store<V>(to + at / packs * (width + V) + at % packs * V, some[i]);
    }
  }
}

template <int V>
__global__ void attend_one(attention_of a, appended_rows fresh, out y, int most_tiles) {
  const int s = block_y(), column = block_x() * a.width, width = a.width;
  if (a.ql.length(s) == 0) return;
  const int from = a.keys_of(s), m = a.kl.length(from), row = a.ql.begin(s), key0 = a.kl.begin(from);
  const int tiles = (m + tile_rows - 1) / tile_rows;
  if (fresh.places) fresh.bring(row, 1, column, width);
  float* const rows = shared_memory<float>();
  float* const own = rows + one_query_threads * (width + V);
  float* const weights = own + widest_of_one;  // scores first
  float* const tops = weights + most_tiles * tile_rows;
  float* const shrinks = tops + most_tiles;
  float* const masses = shrinks + most_tiles;
  for (int c = thread(); c < width; c += one_query_threads)
    own[c] = a.q(row, column + c) * static_cast<float>(a.spec.scale);

  for (int first = 0; first < m; first += one_query_threads) {
    __syncthreads();  // nobody reads the rows before
    load_many<V>(rows, a.k, key0 + first, key0 + m, column, width);
    __syncthreads();
    const int key = first + thread(), tile = key / tile_rows;
    float score = 0;
    for (int c = 0; c < width; c += V) {
      const pack<V> q = load<V>(own + c), k = load<V>(rows + thread() * (width + V) + c);
#pragma unroll
      for (int i = 0; i < V; ++i) score += q.v[i] * k.v[i];
    }
    const float top = warp_most(key < m ? score : lowest_score);
    if (tile < tiles) weights[key] = score;
    if (tile < tiles && lane() == 0) tops[tile] = top;
  }
  __syncthreads();
  for (int tile = warp(); tile < tiles; tile += one_query_threads / lanes) {
    float before = lowest_score;
    for (int t = 0; t < tile; ++t) before = most(before, tops[t]);
    const float above = most(before, tops[tile]);
    const int key = tile * tile_rows + lane();
    const float p = key < m ? expf(weights[key] - above) : 0.0f;
    weights[key] = p;
    const float mass = warp_sum(p);
    if (lane() == 0) masses[tile] = mass, shrinks[tile] = expf(before - above);
  }
  float sum = 0, mass = 0;
  for (int first = 0; first < m; first += one_query_threads) {
    __syncthreads();  // nobody reads the rows before
    load_many<V>(rows, a.v, key0 + first, key0 + m, column, width);
    __syncthreads();
    if (thread() >= width) continue;
    for (int tile = first / tile_rows; tile < least(tiles, (first + one_query_threads) / tile_rows); ++tile) {
      mass = mass * shrinks[tile] + masses[tile];
      sum = __fmul_rn(sum, shrinks[tile]);  // rounded by itself, as it is there
      const float* const p = weights + tile * tile_rows;
      const float* const x = rows + (tile * tile_rows - first) * (width + V) + thread();
#pragma unroll
      for (int j = 0; j < tile_rows; ++j) sum += p[j] * x[j * (width + V)];
    }
  }
  if (thread() < width) y(row, column + thread()) = mass == 0 ? 0.0f : sum / mass;  // 0: it sees no key
}

// Whether that did it: with longer sequences, dropout or sums to keep it does not.
inline bool launch_attend_one(const attention_of& a, const appended_rows& fresh, out y, out lse) {
  constexpr std::size_t most_shared = std::size_t{160} << 10, most_high = 65535;
  const bool four = a.width % 4 == 0 && four_wide(a.q, a.k, a.v);
  const int tiles = ceiling(a.kl.longest, tile_rows);
  const auto floats = static_cast<std::size_t>(one_query_threads) * static_cast<std::size_t>(a.width + (four ? 4 : 1)) +
                      widest_of_one + static_cast<std::size_t>(tiles) * (tile_rows + 3);
  const std::size_t shared = floats * sizeof(float);
  if (a.ql.longest != 1 || a.width > widest_of_one || lse.data || a.spec.dropout.active() || shared > most_shared ||
      static_cast<std::size_t>(a.ql.sequences) > most_high)
    return false;
  by_pack(four, [&](auto v) {
    launch(&attend_one<v()>, grid_of(a.spec.heads, a.ql.sequences), one_query_threads, shared, a, fresh, y, tiles);
  });
  return true;
}

}  // namespace blip::inline BLIP_ABI::gpu
