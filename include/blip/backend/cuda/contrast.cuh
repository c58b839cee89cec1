// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/contrast.hpp"
#include "blip/backend/cuda/tiles.cuh"

namespace blip::inline BLIP_ABI {

namespace gpu {

using contrast_of = contrast_inputs<float>;

// A share of the keys for each block of a grid row; what the shares found is put together in their order.
struct key_shares {
  int keys, count;
  BLIP_HD int first(int share) const { return static_cast<int>(std::int64_t{keys} * share / count); }
};
inline key_shares shares_of(const contrast_of& c) {
  constexpr int keys_of_a_share = 512, most_shares = 64;
  return {c.columns(), at_least_one(least(ceiling(c.columns(), keys_of_a_share), most_shares))};
}

// sum_i exp(x_i) and sum_i exp(x_i) w_i, as multiples of exp(top).
struct exponential_sum {
  float top = lowest_score, mass = 0, weighted = 0;

  __device__ void add(float x, float w) {
    const float above = most(top, x), shrink = expf(top - above), e = expf(x - above);
    top = above, mass = mass * shrink + e, weighted = weighted * shrink + e * w;
  }
  __device__ void merge(const exponential_sum& o) {
    const float above = most(top, o.top), mine = expf(top - above), other = expf(o.top - above);
    top = above, mass = mass * mine + o.mass * other, weighted = weighted * mine + o.weighted * other;
  }
  __device__ float log() const { return top + logf(mass); }
};
// What one row has found in a share of the keys.
struct contrast_part {
  exponential_sum student, teacher;  // the teacher's weights are the student's scores
  float positive_sum = 0, positives = 0;

  __device__ void merge(const contrast_part& o) {
    student.merge(o.student), teacher.merge(o.teacher);
    positive_sum += o.positive_sum, positives += o.positives;
  }
  __device__ contrast_part of_lane(int other) const {
    const auto get = [other](float x) { return __shfl_xor_sync(all_lanes, x, other); };
    return {{get(student.top), get(student.mass), 0},
            {get(teacher.top), get(teacher.mass), get(teacher.weighted)},
            get(positive_sum),
            get(positives)};
  }
};
__device__ inline contrast_part merge_lanes(contrast_part p) {
  for (int other = lanes / 2; other > 0; other /= 2) {
    const contrast_part theirs = p.of_lane(other);
    // Both lanes must merge in the same order to have the same bits.
    if ((lane() & other) == 0) {
      p.merge(theirs);
    } else {
      contrast_part lower = theirs;
      lower.merge(p);
      p = lower;
    }
  }
  return p;
}

// Keys first ... first + 31 of [batch; queue].
__device__ inline void load_keys(float* to, const contrast_of& c, int first, int end) {
  const int width = c.queries.width;
  for (int i = thread(); i < tile_rows * width; i += threads()) {
    const int r = i / width, column = i % width, key = first + r;
    const float* const row = key >= end           ? nullptr
                             : key < c.batch.rows ? c.batch.row(key)
                                                  : c.queue.row(key - c.batch.rows);
    to[r * tile_pitch(width) + column] = row ? row[column] : 0.0f;
  }
}

template <int Unused>
__global__ void contrast_parts(contrast_of c, key_shares shares, contrast_part* parts) {
  const int first_row = block_x() * own_rows, width = c.queries.width, end = shares.first(block_y() + 1);
  float* const queries = shared_memory<float>();
  float* const teachers = queries + own_floats(width);
  float* const keys = c.teacher.data ? teachers + own_floats(width) : teachers;
  load_own(queries, c.queries, first_row, c.queries.rows, 0, width);
  if (c.teacher.data) load_own(teachers, c.teacher, first_row, c.queries.rows, 0, width);
  const float temperature = c.temperature(0, 0);
  const int mine = first_row + warp() * rows_of_a_warp;
  contrast_part found[rows_of_a_warp];
  for (int tile = shares.first(block_y()); tile < end; tile += tile_rows) {
    __syncthreads();  // nobody reads the tile before
    load_keys(keys, c, tile, end);
    __syncthreads();
    float s[rows_of_a_warp], t[rows_of_a_warp] = {};
    tile_products(queries, keys, width, s);
    if (c.teacher.data) tile_products(teachers, keys, width, t);
    const int key = tile + lane();
    if (key >= end) continue;
#pragma unroll
    for (int i = 0; i < rows_of_a_warp && mine + i < c.queries.rows; ++i) {
      const float score = s[i] / temperature;
      found[i].student.add(score, 0);
      if (c.teacher.data) found[i].teacher.add(t[i] / temperature, score);
      if (c.positive(mine + i, key)) found[i].positive_sum += score, found[i].positives += 1;
    }
  }
#pragma unroll
  for (int i = 0; i < rows_of_a_warp && mine + i < c.queries.rows; ++i) {
    const contrast_part all = merge_lanes(found[i]);
    if (lane() == 0) parts[static_cast<std::ptrdiff_t>(block_y()) * c.queries.rows + mine + i] = all;
  }
}

// One thread for each row puts the shares together.
struct contrast_row {
  contrast_of c;
  int shares;
  const contrast_part* parts;
  out loss, stats;
  template <int V>
  __device__ void at(int r, int) const {
    static_assert(V == 1);
    contrast_part all = parts[r];
    for (int s = 1; s < shares; ++s) all.merge(parts[static_cast<std::ptrdiff_t>(s) * c.queries.rows + r]);
    const float lse = all.student.log(), log_mass = logf(all.student.mass), top = all.student.top;
    const auto alpha = static_cast<float>(c.teacher.data ? c.alpha : 0.0);
    float sum = 0;
    if (all.positives > 0) sum = (1.0f - alpha) * (log_mass - (all.positive_sum / all.positives - top));
    if (c.teacher.data) sum += alpha * (log_mass - (all.teacher.weighted / all.teacher.mass - top));
    loss(r, 0) = sum;
    stats(r, 0) = lse, stats(r, 1) = c.teacher.data ? all.teacher.log() : 0.0f;
  }
};

// What each positive of a row weighs.
struct positive_weight {
  contrast_of c;
  float* to;
  template <int V>
  __device__ void row(int r) const {
    static_assert(V == 1);
    float count = 0;
    for (int k = lane(); k < c.columns(); k += lanes) count += c.positive(r, k) ? 1.0f : 0.0f;
    count = warp_sum(count);
    const auto all = static_cast<float>(c.teacher.data ? 1 - c.alpha : 1.0);
    if (lane() == 0) to[r] = count > 0 ? all / count : 0.0f;
  }
};

template <int K>
__global__ void contrast_gradient_parts(contrast_of c, key_shares shares, in stats, in dloss, const float* positive,
                                        float* query_parts, float* temperature_parts) {
  const int first_row = block_x() * own_rows, width = c.queries.width, rows = c.queries.rows,
            end = shares.first(block_y() + 1);
  float* const weights = shared_memory<float>();
  float* const queries = weights + weight_floats;
  float* const teachers = queries + own_floats(width);
  float* const keys = c.teacher.data ? teachers + own_floats(width) : teachers;
  load_own(queries, c.queries, first_row, rows, 0, width);
  if (c.teacher.data) load_own(teachers, c.teacher, first_row, rows, 0, width);
  const float temperature = c.temperature(0, 0), inverse = 1.0f / temperature;
  const auto alpha = static_cast<float>(c.alpha);
  const int mine = first_row + warp() * rows_of_a_warp;
  float sums[rows_of_a_warp][K] = {}, by_temperature[rows_of_a_warp] = {};
  for (int tile = shares.first(block_y()); tile < end; tile += tile_rows) {
    __syncthreads();  // nobody reads the tile before
    load_keys(keys, c, tile, end);
    __syncthreads();
    float s[rows_of_a_warp], t[rows_of_a_warp] = {};
    tile_products(queries, keys, width, s);
    if (c.teacher.data) tile_products(teachers, keys, width, t);
    const int key = tile + lane();
#pragma unroll
    for (int i = 0; i < rows_of_a_warp; ++i) {
      const int r = mine + i;
      float slope = 0;
      if (r < rows && key < end) {
        const float score = s[i] / temperature;
        float target = c.positive(r, key) ? positive[r] : 0.0f;
        if (c.teacher.data) target += alpha * expf(t[i] / temperature - stats(r, 1));
        slope = dloss(r, 0) * (expf(score - stats(r, 0)) - target) * inverse;
        by_temperature[i] -= slope * score;
      }
      s[i] = slope;
    }
    add_tile<K>(s, weights, keys, width, sums);
  }
#pragma unroll
  for (int i = 0; i < rows_of_a_warp && mine + i < rows; ++i) {
    const std::ptrdiff_t place = static_cast<std::ptrdiff_t>(block_y()) * rows + mine + i;
#pragma unroll
    for (int k = 0; k < K; ++k)
      if (lane() + lanes * k < width) query_parts[place * width + lane() + lanes * k] = sums[i][k];
    const float sum = warp_sum(by_temperature[i]);
    if (lane() == 0) temperature_parts[place] = sum;
  }
}

struct shares_added {
  const float* parts;
  int shares;
  grad to;
  template <int V>
  __device__ void at(int r, int c) const {
    pack<V> sum{};
    for (int s = 0; s < shares; ++s) {
      const pack<V> a = load<V>(parts + (static_cast<std::ptrdiff_t>(s) * to.rows + r) * to.width + c);
      for (int i = 0; i < V; ++i) sum.v[i] += a.v[i];
    }
    put<V>(to, r, c, sum);
  }
};
struct listed_terms {
  const float* x;
  __device__ void add(std::int64_t i, float* sums) const { sums[0] += x[i]; }
};
struct number_gradient {
  grad to;
  __device__ void put(const float* sums) const { to.put(0, 0, sums[0]); }
};

inline constexpr int widest_feature = 512;
inline std::size_t contrast_shared(const contrast_of& c) {
  const int width = c.queries.width;
  return static_cast<std::size_t>(weight_floats + (c.teacher.data ? 2 : 1) * own_floats(width) + tile_floats(width)) *
         sizeof(float);
}

}  // namespace gpu

extern "C" {

void blip_cuda_contrast(device<cuda>& d, const contrast_inputs<float>& c, matrix_view<float> loss,
                        matrix_view<float> stats) {
  if (c.queries.width > gpu::widest_feature)
    return gpu::remember("blip: contrast of features of more than 512 columns");
  const gpu::key_shares shares = gpu::shares_of(c);
  const scratch<cuda, gpu::contrast_part> parts(
      d, static_cast<std::size_t>(shares.count) * static_cast<std::size_t>(c.queries.rows));
  gpu::launch(&gpu::contrast_parts<0>, gpu::grid_of(gpu::ceiling(c.queries.rows, gpu::own_rows), shares.count),
              gpu::tile_warps * gpu::lanes, gpu::contrast_shared(c), c, shares, parts.data());
  gpu::each_number(gpu::contrast_row{c, shares.count, parts.data(), loss, stats}, c.queries.rows, 1);
}

void blip_cuda_contrast_vjp(device<cuda>& d, const contrast_inputs<float>& c, matrix_view<const float> stats,
                            matrix_view<const float> dloss, gradient_view<float> dqueries,
                            gradient_view<float> dtemperature) {
  if (!dqueries && !dtemperature) return;
  const gpu::key_shares shares = gpu::shares_of(c);
  const auto rows = static_cast<std::size_t>(c.queries.rows), places = rows * static_cast<std::size_t>(shares.count);
  const scratch<cuda, float> positive(d, rows), temperature_parts(d, places);
  const scratch<cuda, float> query_parts(d, places * static_cast<std::size_t>(c.queries.width));
  gpu::plain_rows_by_warps(gpu::positive_weight{c, positive.data()}, c.queries.rows);
  const bool fits = gpu::by_lane_columns<gpu::widest_feature / gpu::lanes>(c.queries.width, [&](auto k) {
    gpu::launch(&gpu::contrast_gradient_parts<k()>,
                gpu::grid_of(gpu::ceiling(c.queries.rows, gpu::own_rows), shares.count), gpu::tile_warps * gpu::lanes,
                gpu::contrast_shared(c), c, shares, stats, dloss, positive.data(), query_parts.data(),
                temperature_parts.data());
  });
  if (!fits) return gpu::remember("blip: contrast of features of more than 512 columns");
  if (dqueries)
    gpu::each(gpu::shares_added{query_parts.data(), shares.count, dqueries}, dqueries.rows, nullptr, dqueries.width,
              gpu::four_wide(dqueries));
  if (dtemperature)
    gpu::sum_all<float, 1>(d, gpu::listed_terms{temperature_parts.data()}, gpu::number_gradient{dtemperature},
                           static_cast<std::int64_t>(places));
}

}  // extern "C"

}  // namespace blip::inline BLIP_ABI
