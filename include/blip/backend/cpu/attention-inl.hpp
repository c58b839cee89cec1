// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "blip/backend/cpu/attention.hpp"
#include "blip/backend/cpu/blocks.hpp"
#include "blip/backend/cpu/tiles.hpp"

namespace blip::inline BLIP_ABI {

namespace cpu_streams {

using namespace cpu_blocks;

inline constexpr int packets = 2;  // per panel
inline constexpr int panel = packets * lanes;
inline constexpr int key_block = 320;          // keys whose scores exist at a time; part of the definition of the sum
inline constexpr int query_block = 3 * group;  // queries that share a panel while it is in cache
static_assert(key_block % panel == 0 && key_block % 4 == 0);

inline std::ptrdiff_t padded(int n) { return std::ptrdiff_t{panels(n, panel)} * panel; }

// c [m, n] (+)= a [m, k] b, where b lies in panels: the part of panel j at b + j * step.
inline void multiply(int m, int n, int k, const float* a, std::ptrdiff_t row_step, std::ptrdiff_t depth_step,
                     const float* b, std::ptrdiff_t step, float* c, std::ptrdiff_t c_stride, bool add) {
  for (int j = 0; j < n; j += panel, b += step)
    multiply_panel<packets>({a, row_step, depth_step, b, k, panel, c + j, c_stride, add}, m, std::min(panel, n - j));
}

// One head of the keys or values of a sequence, copied into panels: as rows of the product (transposed) or as columns.
inline void pack_transposed(const float* x, std::ptrdiff_t stride, int rows, int width, float* to) {
  for (int r = 0; r < rows; r += panel)
    copy_transposed(x + r * stride, stride, std::min(panel, rows - r), width, to + std::ptrdiff_t{r} * width, panel);
}
inline void pack_columns(const float* x, std::ptrdiff_t stride, int rows, int width, float* to) {
  for (int c = 0; c < width; c += panel)
    copy_columns(x + c, stride, std::min(panel, width - c), rows, to + std::ptrdiff_t{c} * rows, panel);
}

// How many keys query i of n may see of m.
inline int visible(const attention_spec& spec, int i, int n, int m) {
  return spec.causal ? std::clamp(i + 1 + m - n, 0, m) : m;
}

// p_j *= the dropout factor of key first + j.
inline void drop(const dropout_spec& d, std::uint32_t stream, std::uint32_t row, int first, int count, float* p) {
  const float kept = 1 / (1 - d.rate);
  for (int j = 0; j < count; j += 4) {
    const philox_counter words = d.at.block(stream, row, static_cast<std::uint32_t>(first + j) / 4);
    for (int i = 0; i < std::min(4, count - j); ++i)
      p[j + i] *= to_unit(words[static_cast<std::size_t>(i)]) < d.rate ? 0.0f : kept;
  }
}

// Scores become probabilities up to a factor: s_j = exp(scale s_j - top). Their sum comes back.
inline float exponentials(int n, float* s, float scale, float top) {
  const packet by = simd::constant(scale * simd::log2_e), offset = simd::constant(-top * simd::log2_e);
  return simd::map_sum(
      n, s, [=](const packet& v) { return simd::exp2(vec::pmadd(v, by, offset)); }, s);
}

// Where the panels of head h of key sequence s lie in scratch memory.
struct panel_store {
  int heads, longest, width;
  std::size_t size(int sequences) const {
    return static_cast<std::size_t>(sequences) * static_cast<std::size_t>(heads) * one();
  }
  std::size_t one() const { return static_cast<std::size_t>(padded(longest) * padded(width)); }
  float* at(float* data, int s, int h) const { return data + one() * static_cast<std::size_t>(s * heads + h); }
};

}  // namespace cpu_streams

BLIP_INLINE void cpu_attention::attention(device<cpu>& d, in q, in k, in v, const sequence_layout& ql,
                                          const sequence_layout& kl, source_index source, const attention_spec& spec,
                                          out y, out lse) {
  using namespace cpu_streams;
  const int width = q.width / spec.heads, threads = cpu_tiles::threads(d);
  const auto scale = static_cast<float>(spec.scale);
  const panel_store store{spec.heads, kl.longest, width};
  const auto pack = [&](int s, int h, float* key, float* value) {
    const int m = kl.length(s);
    pack_transposed(k.row(kl.begin(s)) + h * width, k.stride, m, width, key);
    pack_columns(v.row(kl.begin(s)) + h * width, v.stride, m, width, value);
  };
  // One block of queries of sequence s, one head, over the panels of the keys that it reads.
  const auto answer = [&](int s, int h, int block, int from, const float* key, const float* value) {
    const int n = ql.length(s), m = kl.length(from);
    const int i0 = block * query_block, rows = std::min(query_block, n - i0);
    if (rows <= 0) return;
    const int row0 = ql.begin(s) + i0;
    alignas(64) float scores[query_block][key_block];
    float top[query_block], sum[query_block] = {};
    std::fill(top, top + rows, std::numeric_limits<float>::lowest());

    const int seen = visible(spec, i0 + rows - 1, n, m);
    for (int j0 = 0; j0 < seen; j0 += key_block) {
      const int count = std::min(key_block, m - j0);
      multiply(rows, count, width, q.row(row0) + h * width, q.stride, 1, key + std::ptrdiff_t{j0} * width,
               std::ptrdiff_t{panel} * width, scores[0], key_block, false);
      for (int i = 0; i < rows; ++i) {
        float* const p = scores[i];
        const int open = std::clamp(visible(spec, i0 + i, n, m) - j0, 0, count);
        std::fill(p + open, p + count, 0.0f);
        if (open == 0) continue;
        const float before = top[i];
        top[i] = std::max(before, scale * simd::largest(open, p));
        const float factor = before == top[i] ? 1 : std::exp(before - top[i]);
        sum[i] = sum[i] * factor + exponentials(open, p, scale, top[i]);
        if (j0 > 0 && factor != 1) {
          simd::map(
              width, y.row(row0 + i) + h * width, [=](const packet& x) { return vec::pmul(x, simd::constant(factor)); },
              y.row(row0 + i) + h * width);
        }
        if (spec.dropout.active())
          drop(spec.dropout, ql.stream(s), attention_row(h, ql.position0(s) + i0 + i), j0, open, p);
      }
      multiply(rows, width, count, scores[0], key_block, 1, value + std::ptrdiff_t{j0} * panel,
               std::ptrdiff_t{panel} * m, y.row(row0) + h * width, y.stride, j0 > 0);
    }

    for (int i = 0; i < rows; ++i) {
      float* const to = y.row(row0 + i) + h * width;
      const float inverse = sum[i] > 0 ? 1 / sum[i] : 0;
      if (seen == 0) std::fill(to, to + width, 0.0f);
      simd::map(
          width, to, [=](const packet& x) { return vec::pmul(x, simd::constant(inverse)); }, to);
      if (lse.data) lse(row0 + i, h) = top[i] + std::log(sum[i]);
    }
  };

  const int high = (ql.longest + query_block - 1) / query_block;
  if (high == 1) {
    // Few queries (decoding): panels are used where they are packed, one head of one key sequence at a time, and never
    // leave the cache. Nobody's result depends on who shares a worker with it.
    const int tiles = kl.sequences * spec.heads, workers = std::max(1, std::min(threads, tiles));
    const scratch<cpu, float> panels_of(d, 2 * store.one() * static_cast<std::size_t>(workers));
    parallel_for(workers, workers, [&](int w) {
      float* const key = panels_of.data() + 2 * store.one() * static_cast<std::size_t>(w);
      float* const value = key + store.one();
      const auto bound = [&](int i) { return static_cast<int>(std::int64_t{tiles} * i / workers); };
      for (int t = bound(w); t < bound(w + 1); ++t) {
        const int from = t / spec.heads, h = t % spec.heads;
        bool packed = false;  // a key sequence that nobody reads is left alone
        for (int s = 0; s < ql.sequences; ++s) {
          if ((source ? source[s] : s) != from) continue;
          if (!std::exchange(packed, true)) pack(from, h, key, value);
          answer(s, h, 0, from, key, value);
        }
      }
    });
    return;
  }

  const scratch<cpu, float> keys(d, store.size(kl.sequences)), values(d, store.size(kl.sequences));
  parallel_for(threads, kl.sequences * spec.heads, [&](int t) {
    const int s = t / spec.heads, h = t % spec.heads;
    pack(s, h, store.at(keys.data(), s, h), store.at(values.data(), s, h));
  });
  parallel_for(threads, ql.sequences * spec.heads * high, [&](int t) {
    const int block = t % high, h = t / high % spec.heads, s = t / high / spec.heads, from = source ? source[s] : s;
    answer(s, h, block, from, store.at(keys.data(), from, h), store.at(values.data(), from, h));
  });
}

// One tile is one head of one key sequence with everything that reads it: no two tiles write the same gradient.
//   p_ij = exp(scale q_i k_j - lse_i),  dp_ij = f_ij dy_i v_j,  ds_ij = scale p_ij (dp_ij - dy_i y_i)
//   dq_i = sum_j ds_ij k_j,  dk_j = sum_i ds_ij q_i,  dv_j = sum_i f_ij p_ij dy_i
BLIP_INLINE void cpu_attention::attention_vjp(device<cpu>& d, in q, in k, in v, const sequence_layout& ql,
                                              const sequence_layout& kl, source_index source,
                                              const attention_spec& spec, in y, in lse, in dy, grad dq, grad dk,
                                              grad dv) {
  using namespace cpu_streams;
  const int width = q.width / spec.heads;
  const auto scale = static_cast<float>(spec.scale);
  const panel_store store{spec.heads, kl.longest, width}, few{spec.heads, query_block, width};
  const scratch<cpu, float> keys(d, store.size(kl.sequences)), key_rows(d, store.size(kl.sequences)),
      values(d, store.size(kl.sequences)), queries(d, few.size(kl.sequences)), slopes(d, few.size(kl.sequences));
  parallel_for(cpu_tiles::threads(d), kl.sequences * spec.heads, [&](int t) {
    const int from = t / spec.heads, h = t % spec.heads, m = kl.length(from), first_key = kl.begin(from),
              column = h * width;
    float* const key = store.at(keys.data(), from, h);
    float* const key_row = store.at(key_rows.data(), from, h);
    float* const value = store.at(values.data(), from, h);
    float* const query = few.at(queries.data(), from, h);
    float* const slope = few.at(slopes.data(), from, h);
    pack_transposed(k.row(first_key) + column, k.stride, m, width, key);
    pack_columns(k.row(first_key) + column, k.stride, m, width, key_row);
    pack_transposed(v.row(first_key) + column, v.stride, m, width, value);
    alignas(64) float p[query_block][key_block];
    alignas(64) float dp[query_block][key_block];

    int written = 0;  // keys whose gradients hold something
    const auto clear = [&](const grad& g, int end) {
      if (!g || g.accumulate) return;
      for (int j = written; j < end; ++j) std::fill_n(g.row(first_key + j) + column, width, 0.0f);
    };
    for (int s = 0; s < ql.sequences; ++s) {
      if ((source ? source[s] : s) != from) continue;
      const int n = ql.length(s);
      for (int i0 = 0; i0 < n; i0 += query_block) {
        const int rows = std::min(query_block, n - i0), row0 = ql.begin(s) + i0;
        pack_columns(q.row(row0) + column, q.stride, rows, width, query);
        pack_columns(dy.row(row0) + column, dy.stride, rows, width, slope);
        float dots[query_block];
        for (int i = 0; i < rows; ++i) dots[i] = simd::dot(width, dy.row(row0 + i) + column, y.row(row0 + i) + column);
        const int seen = visible(spec, i0 + rows - 1, n, m);
        if (seen == 0 && dq && !dq.accumulate)
          for (int i = 0; i < rows; ++i) std::fill_n(dq.row(row0 + i) + column, width, 0.0f);
        for (int j0 = 0; j0 < seen; j0 += key_block) {
          const int count = std::min(key_block, m - j0);
          multiply(rows, count, width, q.row(row0) + column, q.stride, 1, key + std::ptrdiff_t{j0} * width,
                   std::ptrdiff_t{panel} * width, p[0], key_block, false);
          multiply(rows, count, width, dy.row(row0) + column, dy.stride, 1, value + std::ptrdiff_t{j0} * width,
                   std::ptrdiff_t{panel} * width, dp[0], key_block, false);
          for (int i = 0; i < rows; ++i) {
            const int open = std::clamp(visible(spec, i0 + i, n, m) - j0, 0, count);
            std::fill(p[i] + open, p[i] + count, 0.0f);
            std::fill(dp[i] + open, dp[i] + count, 0.0f);
            if (open == 0) continue;
            exponentials(open, p[i], scale, lse(row0 + i, h));
            const auto ds = [&](const packet& prob, const packet& change) {
              return vec::pmul(vec::pmul(prob, simd::constant(scale)), vec::psub(change, simd::constant(dots[i])));
            };
            if (spec.dropout.active()) {
              const auto row = attention_row(h, ql.position0(s) + i0 + i);
              drop(spec.dropout, ql.stream(s), row, j0, open, dp[i]);
              simd::map(open, dp[i], ds, p[i], dp[i]);
              drop(spec.dropout, ql.stream(s), row, j0, open, p[i]);
            } else {
              simd::map(open, dp[i], ds, p[i], dp[i]);
            }
          }
          const bool add = j0 < written;
          if (dv)
            multiply(count, width, rows, p[0], 1, key_block, slope, std::ptrdiff_t{panel} * rows,
                     dv.row(first_key + j0) + column, dv.stride, add || dv.accumulate);
          if (dk)
            multiply(count, width, rows, dp[0], 1, key_block, query, std::ptrdiff_t{panel} * rows,
                     dk.row(first_key + j0) + column, dk.stride, add || dk.accumulate);
          written = std::max(written, j0 + count);
          if (dq)
            multiply(rows, width, count, dp[0], key_block, 1, key_row + std::ptrdiff_t{j0} * panel,
                     std::ptrdiff_t{panel} * m, dq.row(row0) + column, dq.stride, j0 > 0 || dq.accumulate);
        }
      }
    }
    clear(dk, m);
    clear(dv, m);
  });
}

}  // namespace blip::inline BLIP_ABI
