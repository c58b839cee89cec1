// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>

#include "blip/backend/cuda/attention_of.cuh"
#include "blip/backend/cuda/mma_tiles.cuh"
#include "blip/backend/cuda/tiles.cuh"

// Attention on tensor cores (FlashAttention, Dao et al. 2022, with products of m16n8k16): queries, keys, values and the
// gradient of the result are rounded to bf16 when they reach the multiprocessor, probabilities and their gradients
// before the product that takes them; scores, softmax and all sums are fp32. A warp has sixteen rows, whoever else is
// in its block, and goes through the others in their order: a row has the same bits in every batch, and nothing is
// added by two.
namespace blip::inline BLIP_ABI::gpu {

inline constexpr float log2_of_e = 1.44269504088896341f;
// The score of a key that a query does not see.
inline constexpr float unseen = -std::numeric_limits<float>::infinity();

// Hides the scores for which sees(row, column) is false; see product_row.
template <int N, class F>
__device__ void hide(float (&scores)[N][4], F sees) {
#pragma unroll
  for (int i = 0; i < 4 * N; ++i)
    if (!sees(product_row(i), product_column(i))) scores[i / 4][i % 4] = unseen;
}

// Dropout of the probabilities of one query sequence: the numbers of dropout_factor, four keys at a time.
struct probability_dropout {
  std::uint32_t stream = 0;
  philox_key key{};
  float factor = 1;  // what stays is multiplied with

  __device__ probability_dropout(const dropout_spec& d, std::uint32_t of) {
    if (!d.active()) return;
    stream = of, key = d.at.key();
    factor = dropout_factor({0, d.path_rate, d.at}, of, 0, 0) * (d.rate > 0 ? 1 / (1 - d.rate) : 1.0f);
  }
  // Bit i: the probability of key `first + i` stays; first is a multiple of four.
  __device__ unsigned four(const dropout_spec& d, std::uint32_t row, int first) const {
    const philox_counter words = philox({d.at.site, stream, row, static_cast<std::uint32_t>(first) / 4}, key);
    unsigned stay = 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) stay |= (to_unit(words[static_cast<std::size_t>(i)]) < d.rate ? 0u : 1u) << i;
    return stay;
  }
};

// Sixteen queries of one sequence and head, those of a warp; a lane holds parts of two of them.
struct warp_queries {
  int head, column, n, m, query0, key0, first, seen_by_block, seen_by_warp, seen_by_all, row[2], seen[2];
  std::uint32_t drawn_row;
  probability_dropout dropout;

  __device__ explicit warp_queries(const attention_of& a)
      : head(block_y()), column(head * a.width), dropout(a.spec.dropout, a.ql.stream(block_z())) {
    const int s = block_z(), from = a.keys_of(s), rows = threads() / lanes * warp_rows, of_block = block_x() * rows;
    n = a.ql.length(s), m = a.kl.length(from), query0 = a.ql.begin(s), key0 = a.kl.begin(from);
    first = of_block + warp() * warp_rows;
    seen_by_block = of_block < n ? a.seen(least(of_block + rows, n) - 1, n, m) : 0;
    seen_by_warp = first < n ? a.seen(least(first + warp_rows, n) - 1, n, m) : 0;
    seen_by_all = a.seen(first, n, m);
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      row[r] = first + lane_group() + 8 * r;
      seen[r] = row[r] < n ? a.seen(row[r], n, m) : 0;
    }
    drawn_row = attention_row(head, a.ql.position0(s) + first + lane_group() + lane() % 2 * 8);
  }
  // Bit 4 j + e of stay[r]: the probability of the lane's row r and its key e among the eight after key + 8 j stays.
  // Two lanes share four keys of two rows; each draws for one row.
  template <int Eights>
  __device__ void draw(const dropout_spec& d, int key, unsigned (&stay)[2]) const {
    unsigned mine = 0;
#pragma unroll
    for (int j = 0; j < Eights; ++j) mine |= dropout.four(d, drawn_row, key + 8 * j + lane_pair() / 4 * 4) << 4 * j;
    const unsigned other = __shfl_xor_sync(all_lanes, mine, 1);
    stay[0] = (lane() % 2 == 0 ? mine : other) >> lane_pair() % 4;
    stay[1] = (lane() % 2 == 0 ? other : mine) >> lane_pair() % 4;
  }
  // The row's number for queries that are there: in lse and common.
  __device__ float of_row(in x, int r) const { return row[r] < n ? x(query0 + row[r], head) : 0.0f; }
};

// Warps of a block share what it reads of the other rows; blocks of a multiprocessor limit registers, to 128 where
// heads are up to 64 wide (168 for the gradients of keys, which have two sums), else to 255.
inline constexpr int attend_warps = 8, gradient_warps = 4;
constexpr int attend_blocks(int width) { return width <= 64 ? 2 : 1; }
constexpr int query_blocks(int width) { return width <= 64 ? 4 : 2; }
constexpr int key_blocks(int width) { return width <= 16 ? 4 : width <= 64 ? 3 : 2; }

template <int D, bool Packed>
__global__ void __launch_bounds__(attend_warps* lanes, attend_blocks(D))
    attend_mma(attention_of a, appended_rows fresh, out y, out lse) {
  const warp_queries w(a);
  if (fresh.places) fresh.bring(w.query0, w.n, w.column, a.width);
  constexpr int at_once = 32;  // keys between two corrections of what was added before
  const float scale = static_cast<float>(a.spec.scale), to_log2 = scale * log2_of_e;
  bf16* const keys = shared_memory<bf16>();
  bf16* const values = keys + mma_tile_size<D>;
  row_fragments<D> own;
  load_rows<D>(own, a.q, w.query0 + w.first, w.query0 + w.n, w.column);

  float top[2] = {lowest_score, lowest_score}, mass[2] = {}, sums[D / 8][4] = {};
  for (int tile = 0; tile < w.seen_by_block; tile += mma_tile_rows) {
    const int rows = least(mma_tile_rows, whole_warps(w.seen_by_block - tile));
    __syncthreads();  // nobody reads the tile before
    if constexpr (Packed)
      load_packed_tiles<D>(keys, values, a.k.data, a.k.width, w.key0 + tile, w.key0 + w.m, w.column, rows);
    else
      load_tiles<D>(keys, a.k, values, a.v, w.key0 + tile, w.key0 + w.m, w.column, rows);
    __syncthreads();
#pragma unroll
    for (int step = 0; step < mma_tile_rows; step += at_once) {
      const int key0 = tile + step;
      if (key0 >= w.seen_by_warp) break;
      float p[at_once / 8][4] = {}, shrink[2];
#pragma unroll
      for (int j = 0; j < at_once; j += warp_rows)
        if (key0 + j < w.seen_by_warp) row_products<D>(own, keys + (step + j) * mma_pitch<D>, p[j / 8], p[j / 8 + 1]);
      if (key0 + at_once > w.seen_by_all) hide(p, [&](int r, int c) { return key0 + c < w.seen[r]; });
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        float above = unseen, added = 0;
#pragma unroll
        for (int j = 0; j < at_once / 8; ++j) above = fmaxf(above, fmaxf(p[j][2 * r], p[j][2 * r + 1]));
        above = fmaxf(top[r], row_most(above));
        const float above_log2 = fmaxf(above * to_log2, lowest_score);
#pragma unroll
        for (int i = 0; i < at_once / 4; ++i) {
          float& x = p[i / 2][2 * r + i % 2];
          x = power_of_two(x * to_log2 - above_log2), added += x;
        }
        shrink[r] = power_of_two((top[r] - above) * to_log2), top[r] = above, mass[r] = mass[r] * shrink[r] + added;
      }
      if (__any_sync(all_lanes, shrink[0] != 1 || shrink[1] != 1))  // rarely, once the largest scores were met
#pragma unroll
        for (int i = 0; i < D / 2; ++i) sums[i / 4][i % 4] *= shrink[i % 4 / 2];
      if (a.spec.dropout.active()) {
        unsigned stay[2];
        w.draw<at_once / 8>(a.spec.dropout, key0, stay);
#pragma unroll
        for (int i = 0; i < at_once / 2; ++i)
          p[i / 4][i % 4] *= (stay[product_row(i)] >> (i / 4 * 4 + i % 2) & 1) != 0 ? w.dropout.factor : 0.0f;
      }
#pragma unroll
      for (int j = 0; j < at_once; j += warp_rows)
        if (key0 + j < w.seen_by_warp)
          add_weighted_rows<D>(p[j / 8], p[j / 8 + 1], values + (step + j) * mma_pitch<D>, sums);
    }
  }
  float share[2];
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    mass[r] = row_sum(mass[r]);
    share[r] = mass[r] == 0 ? 0.0f : 1 / mass[r];  // a query without any key gets zeros
    if (lse.data && lane_pair() == 0 && w.row[r] < w.n)
      lse(w.query0 + w.row[r], w.head) = top[r] * scale + logf(mass[r]);
  }
  each_pair_of_sums<D>(sums, [&](int r, int c, pack<2> two) {
    if (w.row[r] < w.n)
      store<2>(y.row(w.query0 + w.row[r]) + w.column + c, {{two.v[0] * share[r], two.v[1] * share[r]}});
  });
}

// The scores exist again; common is sum_c dy_c y_c of each query.
template <int D>
__global__ void __launch_bounds__(gradient_warps* lanes, query_blocks(D))
    query_gradients_mma(attention_of a, in lse, in dy, in common, grad dq) {
  const warp_queries w(a);
  const float scale = static_cast<float>(a.spec.scale), to_log2 = scale * log2_of_e;
  bf16* const keys = shared_memory<bf16>();
  bf16* const values = keys + mma_tile_size<D>;
  row_fragments<D> own, slopes;
  load_rows<D>(own, a.q, w.query0 + w.first, w.query0 + w.n, w.column);
  load_rows<D>(slopes, dy, w.query0 + w.first, w.query0 + w.n, w.column);
  const float log_mass[2] = {fmaxf(w.of_row(lse, 0) * log2_of_e, lowest_score),
                             fmaxf(w.of_row(lse, 1) * log2_of_e, lowest_score)};
  const float shared_slope[2] = {w.of_row(common, 0), w.of_row(common, 1)};

  float sums[D / 8][4] = {};
  for (int tile = 0; tile < w.seen_by_block; tile += mma_tile_rows) {
    const int rows = least(mma_tile_rows, whole_warps(w.seen_by_block - tile));
    __syncthreads();  // nobody reads the tile before
    load_tiles<D>(keys, a.k, values, a.v, w.key0 + tile, w.key0 + w.m, w.column, rows);
    __syncthreads();
    for (int step = 0; step < rows && tile + step < w.seen_by_warp; step += warp_rows) {
      const int key0 = tile + step;
      float p[2][4], dp[2][4];
      row_products<D>(own, keys + step * mma_pitch<D>, p[0], p[1]);
      row_products<D>(slopes, values + step * mma_pitch<D>, dp[0], dp[1]);
      if (key0 + warp_rows > w.seen_by_all) hide(p, [&](int r, int c) { return key0 + c < w.seen[r]; });
      unsigned stay[2] = {~0u, ~0u};
      if (a.spec.dropout.active()) w.draw<2>(a.spec.dropout, key0, stay);
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        const int r = product_row(i);
        const float factor = (stay[r] >> (i / 4 * 4 + i % 2) & 1) != 0 ? w.dropout.factor : 0.0f;
        float& x = p[i / 4][i % 4];
        x = power_of_two(x * to_log2 - log_mass[r]) * (factor * dp[i / 4][i % 4] - shared_slope[r]);
      }
      add_weighted_rows<D>(p[0], p[1], keys + step * mma_pitch<D>, sums);
    }
  }
  each_pair_of_sums<D>(sums, [&](int r, int c, pack<2> two) {
    if (w.row[r] < w.n) put<2>(dq, w.query0 + w.row[r], w.column + c, {{two.v[0] * scale, two.v[1] * scale}});
  });
}

// Wide heads leave no registers for the keys of a warp beside two sums.
template <int D>
inline constexpr bool keys_in_tiles = D > 64;
static_assert(gradient_warps * warp_rows == mma_tile_rows);

// f(s) for the query sequences that read key sequence `from`, in their order; the same for all warps of a block.
template <class F>
__device__ void each_reader(const attention_of& a, int from, F f) {
  const int end = a.source ? a.ql.sequences : from + 1;
  for (int first = a.source ? 0 : from; first < end; first += lanes) {
    const int s = first + lane();
    unsigned readers = a.source ? __ballot_sync(all_lanes, s < end && a.source[s] == from) : 1u;
    for (; readers != 0; readers &= readers - 1) f(first + __ffs(readers) - 1);
  }
}

// A warp has sixteen keys, and the queries come in tiles: products are the transposes of those above.
template <int D>
__global__ void __launch_bounds__(gradient_warps* lanes, key_blocks(D))
    key_gradients_mma(attention_of a, in lse, in dy, in common, grad dk, grad dv) {
  const int from = block_z(), head = block_y(), column = head * a.width, of_block = block_x() * threads() / 2;
  const int m = a.kl.length(from), key0 = a.kl.begin(from), first = of_block + warp() * warp_rows;
  if (of_block >= m) return;
  const float scale = static_cast<float>(a.spec.scale), to_log2 = scale * log2_of_e;
  bf16* const queries = shared_memory<bf16>();
  bf16* const slopes = queries + mma_tile_size<D>;
  float* const log_masses = reinterpret_cast<float*>(slopes + mma_tile_size<D>);
  float* const shared_slopes = log_masses + mma_tile_rows;
  std::conditional_t<keys_in_tiles<D>, tile_fragments<D>, row_fragments<D>> own, own_values;
  if constexpr (keys_in_tiles<D>) {
    bf16* const keys = reinterpret_cast<bf16*>(shared_slopes + mma_tile_rows);
    load_tiles<D>(keys, a.k, keys + mma_tile_size<D>, a.v, key0 + of_block, key0 + m, column, mma_tile_rows);
    own.rows = keys + warp() * warp_rows * mma_pitch<D>, own_values.rows = own.rows + mma_tile_size<D>;
  } else {
    load_rows<D>(own, a.k, key0 + first, key0 + m, column);
    load_rows<D>(own_values, a.v, key0 + first, key0 + m, column);
  }

  const dropout_spec& drop = a.spec.dropout;
  float sums[D / 8][4] = {}, value_sums[D / 8][4] = {};
  each_reader(a, from, [&](int s) {
    const int n = a.ql.length(s), query0 = a.ql.begin(s);
    const probability_dropout dropout(drop, a.ql.stream(s));
    // Queries before these see none of the block's, or of the warp's keys.
    const int seeing_block = a.spec.causal ? most(0, of_block + n - m) / warp_rows * warp_rows : 0;
    const int seeing_warp = a.spec.causal ? first + n - m : 0;
    for (int tile = seeing_block; tile < n; tile += mma_tile_rows) {
      const int rows = least(mma_tile_rows, whole_warps(n - tile));
      __syncthreads();  // nobody reads the tile before
      load_tiles<D>(queries, a.q, slopes, dy, query0 + tile, query0 + n, column, rows);
      for (int i = thread(); i < rows; i += threads()) {
        const bool used = tile + i < n;
        log_masses[i] = used ? fmaxf(lse(query0 + tile + i, head) * log2_of_e, lowest_score) : 0.0f;
        shared_slopes[i] = used ? common(query0 + tile + i, head) : 0.0f;
      }
      __syncthreads();
      for (int step = 0; step < rows && first < m; step += warp_rows) {
        if (tile + step + warp_rows <= seeing_warp) continue;
        const int first_query = tile + step;
        float p[2][4], dp[2][4];
        row_products<D>(own, queries + step * mma_pitch<D>, p[0], p[1]);
        // Rows behind the last query are zeros, those behind the last key are not written: only order hides scores.
        if (a.spec.causal && first + warp_rows > a.seen(first_query, n, m))
          hide(p, [&](int r, int c) { return first + lane_group() + 8 * r < a.seen(first_query + c, n, m); });
        // Four lanes share four keys, twice, of four queries; each draws for one query.
        unsigned stay[4] = {~0u, ~0u, ~0u, ~0u};
        if (drop.active()) {
          const int q = lane_group() % 4, key = first + lane_group() / 4 * 4;
          const std::uint32_t row =
              attention_row(head, a.ql.position0(s) + first_query + q / 2 * 8 + lane_pair() + q % 2);
          const unsigned mine = dropout.four(drop, row, key) | dropout.four(drop, row, key + 8) << 4;
#pragma unroll
          for (int i = 0; i < 4; ++i) stay[i] = __shfl_sync(all_lanes, mine, (lane() & ~12) | i * 4) >> q;
        }
        const auto factor = [&](int i) {
          return (stay[i / 4 * 2 + i % 2] >> 4 * product_row(i) & 1) != 0 ? dropout.factor : 0.0f;
        };
        float kept[2][4];
#pragma unroll
        for (int i = 0; i < 8; ++i) {
          p[i / 4][i % 4] = power_of_two(p[i / 4][i % 4] * to_log2 - log_masses[step + product_column(i)]);
          kept[i / 4][i % 4] = p[i / 4][i % 4] * factor(i);
        }
        add_weighted_rows<D>(kept[0], kept[1], slopes + step * mma_pitch<D>, value_sums);
        row_products<D>(own_values, slopes + step * mma_pitch<D>, dp[0], dp[1]);
#pragma unroll
        for (int i = 0; i < 8; ++i)
          p[i / 4][i % 4] *= factor(i) * dp[i / 4][i % 4] - shared_slopes[step + product_column(i)];
        add_weighted_rows<D>(p[0], p[1], queries + step * mma_pitch<D>, sums);
      }
    }
  });
  const auto write = [&](const grad& to, const float(&from_sums)[D / 8][4], float factor) {
    if (!to) return;
    each_pair_of_sums<D>(from_sums, [&](int r, int c, pack<2> two) {
      const int key = first + lane_group() + 8 * r;
      if (key < m) put<2>(to, key0 + key, column + c, {{two.v[0] * factor, two.v[1] * factor}});
    });
  };
  write(dk, sums, scale), write(dv, value_sums, 1);
}

// --- host ---

// Blocks of at most `most_warps` warps that have sixteen of `longest` rows each, as equal as they can be. Where few
// rows meet several tiles of others, warps without rows help to read these.
struct warp_grid {
  dim3 grid;
  int threads;
  warp_grid(int longest, int others, int heads, int sequences, int most_warps) {
    constexpr int readers = 4;
    const int needed = at_least_one(ceiling(longest, warp_rows)), blocks = ceiling(needed, most_warps);
    grid = grid_of(longest > 0 ? blocks : 0, heads, sequences);
    threads = most(ceiling(needed, blocks), others > mma_tile_rows ? readers : 1) * lanes;
  }
};

// These are for products of bf16, heads of 16, 32 ... 128 columns, and rows that can be read four numbers at a time.
// False: nothing was launched.
template <class... M>
bool multiplies_in_tiles(const device<cuda>& d, const attention_of& a, const M&... others) {
  return d.options().products == precision::bf16 && four_wide(a.q, a.k, a.v, others...);
}
inline bool attend_in_tiles(const device<cuda>& d, const attention_of& a, const appended_rows& fresh, out y, out lse) {
  return multiplies_in_tiles(d, a, y) && by_mma_width(a.width, [&](auto c) {
           const warp_grid g(a.ql.longest, a.kl.longest, a.spec.heads, a.ql.sequences, attend_warps);
           constexpr std::size_t shared = 2 * mma_tile_size<c()> * sizeof(bf16);
           if constexpr (cuda_attention::packs_keys(precision::bf16, c()))
             if (a.spec.packed_keys) return launch(&attend_mma<c(), true>, g.grid, g.threads, shared, a, fresh, y, lse);
           launch(&attend_mma<c(), false>, g.grid, g.threads, shared, a, fresh, y, lse);
         });
}
inline bool gradients_in_tiles(const device<cuda>& d, const attention_of& a, in lse, in dy, in common, grad dq, grad dk,
                               grad dv) {
  return multiplies_in_tiles(d, a, dy, dq, dk, dv) && by_mma_width(a.width, [&](auto c) {
           constexpr std::size_t tiles = 2 * mma_tile_size<c()> * sizeof(bf16),
                                 of_keys = 2 * mma_tile_rows * sizeof(float) + (keys_in_tiles<c()> ? tiles : 0);
           if (dq) {
             const warp_grid g(a.ql.longest, a.kl.longest, a.spec.heads, a.ql.sequences, gradient_warps);
             launch(&query_gradients_mma<c()>, g.grid, g.threads, tiles, a, lse, dy, common, dq);
           }
           if (dk || dv) {
             const warp_grid g(a.kl.longest, a.ql.longest, a.spec.heads, a.kl.sequences, gradient_warps);
             launch(&key_gradients_mma<c()>, g.grid, g.threads, tiles + of_keys, a, lse, dy, common, dk, dv);
           }
         });
}

}  // namespace blip::inline BLIP_ABI::gpu
