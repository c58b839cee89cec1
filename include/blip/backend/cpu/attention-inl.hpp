// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "blip/backend/cpu/attention.hpp"
#include "blip/backend/cpu/factors.hpp"
#include "blip/backend/cpu/tiles.hpp"

namespace blip::inline BLIP_ABI {

namespace cpu_streams {

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

// Where the panels of head h of key sequence s lie in scratch memory: the larger of [longest, width] with its rows in
// panels and with its columns in panels.
template <class Form>
struct panel_store {
  int heads, longest, width;
  std::size_t size(int sequences) const {
    return static_cast<std::size_t>(sequences) * static_cast<std::size_t>(heads) * one();
  }
  std::size_t one() const {
    const auto panels_of = [](int n, int depth) {
      return static_cast<std::size_t>(panels(n, panel)) * panel * static_cast<std::size_t>(Form::depth(depth));
    };
    return std::max(panels_of(longest, width), panels_of(width, longest));
  }
  template <class P>
  P at(P data, int s, int h) const {
    return data + one() * static_cast<std::size_t>(s * heads + h);
  }
};

// Head h of key sequence s.
template <class Form>
void pack_head(cpu_attention::in k, cpu_attention::in v, const sequence_layout& kl, int width, int s, int h, float* key,
               float* value) {
  const int m = kl.length(s);
  Form::pack_transposed(k.row(kl.begin(s)) + h * width, k.stride, m, width, key);
  Form::pack_columns(v.row(kl.begin(s)) + h * width, v.stride, m, width, value);
}

// All keys, then all values.
template <class Form>
void pack_keys(device<cpu>& d, cpu_attention::in k, cpu_attention::in v, const sequence_layout& kl, int heads,
               float* to) {
  const panel_store<Form> store{heads, kl.longest, k.width / heads};
  float* const values = to + store.size(kl.sequences);
  parallel_for(cpu_tiles::threads(d), kl.sequences * heads, [&](int t) {
    const int s = t / heads, h = t % heads;
    pack_head<Form>(k, v, kl, store.width, s, h, store.at(to, s, h), store.at(values, s, h));
  });
}

template <class Form>
void attention(device<cpu>& d, cpu_attention::in q, cpu_attention::in k, cpu_attention::in v, const sequence_layout& ql,
               const sequence_layout& kl, source_index source, const attention_spec& spec, cpu_attention::out y,
               cpu_attention::out lse) {
  constexpr int query_block = Form::query_block;
  const int width = q.width / spec.heads, threads = cpu_tiles::threads(d);
  const std::ptrdiff_t deep = Form::depth(width);
  const auto scale = static_cast<float>(spec.scale);
  const panel_store<Form> store{spec.heads, kl.longest, width};
  const float* const ready = spec.packed_keys ? k.data : nullptr;
  // One block of queries of sequence s, one head, over the panels of the keys that it reads; `staged_rows` holds
  // row_space(width).
  const auto answer = [&](int s, int h, int block, int from, const float* key, const float* value, float* staged_rows) {
    const int n = ql.length(s), m = kl.length(from);
    const int i0 = block * query_block, rows = std::min(query_block, n - i0);
    if (rows <= 0) return;
    const typename Form::task task;
    const int row0 = ql.begin(s) + i0;
    const factor query = Form::rows(q.row(row0) + h * width, q.stride, rows, width, staged_rows);
    alignas(64) float scores[query_block][key_block];
    alignas(64) float staged[Form::staged];
    float top[query_block], sum[query_block] = {};
    std::fill(top, top + rows, std::numeric_limits<float>::lowest());

    const int seen = visible(spec, i0 + rows - 1, n, m);
    for (int j0 = 0; j0 < seen; j0 += key_block) {
      const int count = std::min(key_block, m - j0);
      Form::multiply(rows, count, Form::depth(width), query, key + j0 * deep, panel * deep, scores[0], key_block, false);
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
      Form::multiply(rows, width, Form::depth(count), Form::rows(scores[0], key_block, rows, count, staged),
                     value + std::ptrdiff_t{Form::depth(j0)} * panel, std::ptrdiff_t{panel} * Form::depth(m),
                     y.row(row0) + h * width, y.stride, j0 > 0);
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
  const std::size_t space = Form::row_space(width);
  // f(tile, memory of its worker, [per_worker]).
  const auto each_tile = [&](int tiles, std::size_t per_worker, auto f) {
    const int workers = std::max(1, std::min(threads, tiles));
    const scratch<cpu, float> memory(d, std::max<std::size_t>(1, per_worker * static_cast<std::size_t>(workers)));
    parallel_for_workers(workers, tiles, [&](int t, int worker) {
      f(t, memory.data() + per_worker * static_cast<std::size_t>(worker));
    });
  };
  if (high == 1) {
    // Few queries (decoding): panels are used where they are packed, one head of one key sequence at a time, and never
    // leave the cache. Nobody's result depends on who shares a worker with it.
    const std::size_t panels_of_worker = ready ? 0 : store.one();
    each_tile(kl.sequences * spec.heads, 2 * panels_of_worker + space, [&](int t, float* memory) {
      float* const second = memory + panels_of_worker;
      const int from = t / spec.heads, h = t % spec.heads;
      const float* const key = ready ? store.at(ready, from, h) : memory;
      const float* const value = ready ? store.at(ready + store.size(kl.sequences), from, h) : second;
      bool packed = ready;  // a key sequence that nobody reads is left alone
      for (int s = 0; s < ql.sequences; ++s) {
        if ((source ? source[s] : s) != from) continue;
        if (!std::exchange(packed, true)) pack_head<Form>(k, v, kl, width, from, h, memory, second);
        answer(s, h, 0, from, key, value, second + panels_of_worker);
      }
    });
    return;
  }

  const scratch<cpu, float> packed(d, ready ? 0 : 2 * store.size(kl.sequences));
  if (!ready) pack_keys<Form>(d, k, v, kl, spec.heads, packed.data());
  const float* const keys = ready ? ready : packed.data();
  const float* const values = keys + store.size(kl.sequences);
  each_tile(ql.sequences * spec.heads * high, space, [&](int t, float* staged_rows) {
    const int block = t % high, h = t / high % spec.heads, s = t / high / spec.heads, from = source ? source[s] : s;
    answer(s, h, block, from, store.at(keys, from, h), store.at(values, from, h), staged_rows);
  });
}

// One tile is one head of one key sequence with everything that reads it: no two tiles write the same gradient.
//   p_ij = exp(scale q_i k_j - lse_i),  dp_ij = f_ij dy_i v_j,  ds_ij = scale p_ij (dp_ij - dy_i y_i)
//   dq_i = sum_j ds_ij k_j,  dk_j = sum_i ds_ij q_i,  dv_j = sum_i f_ij p_ij dy_i
template <class Form>
void attention_vjp(device<cpu>& d, cpu_attention::in q, cpu_attention::in k, cpu_attention::in v,
                   const sequence_layout& ql, const sequence_layout& kl, source_index source, const attention_spec& spec,
                   cpu_attention::in y, cpu_attention::in lse, cpu_attention::in dy, cpu_attention::grad dq,
                   cpu_attention::grad dk, cpu_attention::grad dv) {
  constexpr int query_block = Form::query_block;
  const int width = q.width / spec.heads;
  const std::ptrdiff_t deep = Form::depth(width);
  const auto scale = static_cast<float>(spec.scale);
  const panel_store<Form> store{spec.heads, kl.longest, width}, few{spec.heads, query_block, width};
  const std::size_t space = Form::row_space(width), tiles = static_cast<std::size_t>(kl.sequences * spec.heads);
  const scratch<cpu, float> keys(d, store.size(kl.sequences)), key_rows(d, store.size(kl.sequences)),
      values(d, store.size(kl.sequences)), queries(d, few.size(kl.sequences)), slopes(d, few.size(kl.sequences)),
      staged_rows(d, std::max<std::size_t>(1, 2 * space * tiles));
  parallel_for(cpu_tiles::threads(d), kl.sequences * spec.heads, [&](int t) {
    const int from = t / spec.heads, h = t % spec.heads, m = kl.length(from), first_key = kl.begin(from),
              column = h * width;
    float* const key = store.at(keys.data(), from, h);
    float* const key_row = store.at(key_rows.data(), from, h);
    float* const value = store.at(values.data(), from, h);
    float* const query = few.at(queries.data(), from, h);
    float* const slope = few.at(slopes.data(), from, h);
    float* const staged_query = staged_rows.data() + 2 * space * static_cast<std::size_t>(t);
    Form::pack_transposed(k.row(first_key) + column, k.stride, m, width, key);
    Form::pack_columns(k.row(first_key) + column, k.stride, m, width, key_row);
    Form::pack_transposed(v.row(first_key) + column, v.stride, m, width, value);
    alignas(64) float p[query_block][key_block];
    alignas(64) float dp[query_block][key_block];
    alignas(64) float staged[Form::staged];
    const typename Form::task task;

    int written = 0;  // keys whose gradients hold something
    const auto clear = [&](const cpu_attention::grad& g, int end) {
      if (!g || g.accumulate) return;
      for (int j = written; j < end; ++j) std::fill_n(g.row(first_key + j) + column, width, 0.0f);
    };
    for (int s = 0; s < ql.sequences; ++s) {
      if ((source ? source[s] : s) != from) continue;
      const int n = ql.length(s);
      for (int i0 = 0; i0 < n; i0 += query_block) {
        const int rows = std::min(query_block, n - i0), row0 = ql.begin(s) + i0;
        const float* const q0 = q.row(row0) + column;
        const float* const dy0 = dy.row(row0) + column;
        Form::pack_columns(q0, q.stride, rows, width, query);
        Form::pack_columns(dy0, dy.stride, rows, width, slope);
        const factor q_rows = Form::rows(q0, q.stride, rows, width, staged_query);
        const factor dy_rows = Form::rows(dy0, dy.stride, rows, width, staged_query + space);
        float dots[query_block];
        for (int i = 0; i < rows; ++i) dots[i] = simd::dot(width, dy.row(row0 + i) + column, y.row(row0 + i) + column);
        const int seen = visible(spec, i0 + rows - 1, n, m);
        if (seen == 0 && dq && !dq.accumulate)
          for (int i = 0; i < rows; ++i) std::fill_n(dq.row(row0 + i) + column, width, 0.0f);
        for (int j0 = 0; j0 < seen; j0 += key_block) {
          const int count = std::min(key_block, m - j0);
          Form::multiply(rows, count, Form::depth(width), q_rows, key + j0 * deep, panel * deep, p[0], key_block, false);
          Form::multiply(rows, count, Form::depth(width), dy_rows, value + j0 * deep, panel * deep, dp[0], key_block, false);
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
          // g_j (+)= sum_i x_ij b_i, for the keys of this block.
          const auto to_keys = [&](const cpu_attention::grad& g, const float (&x)[query_block][key_block], const float* b) {
            if (g)
              Form::multiply(count, width, Form::depth(rows), Form::columns(x[0], key_block, rows, count, staged), b,
                             std::ptrdiff_t{panel} * Form::depth(rows), g.row(first_key + j0) + column, g.stride,
                             add || g.accumulate);
          };
          to_keys(dv, p, slope);
          to_keys(dk, dp, query);
          written = std::max(written, j0 + count);
          if (dq)
            Form::multiply(rows, width, Form::depth(count), Form::rows(dp[0], key_block, rows, count, staged),
                           key_row + std::ptrdiff_t{Form::depth(j0)} * panel, std::ptrdiff_t{panel} * Form::depth(m),
                           dq.row(row0) + column, dq.stride, j0 > 0 || dq.accumulate);
        }
      }
    }
    clear(dk, m);
    clear(dv, m);
  });
}

}  // namespace cpu_streams

BLIP_INLINE void cpu_attention::attention(device<cpu>& d, in q, in k, in v, const sequence_layout& ql,
                                          const sequence_layout& kl, source_index source, const attention_spec& spec,
                                          out y, out lse) {
  cpu_streams::with_factors(
      d, [&]<class Form>() { cpu_streams::attention<Form>(d, q, k, v, ql, kl, source, spec, y, lse); });
}

BLIP_INLINE std::size_t cpu_attention::packed_keys_size(const device<cpu>& d, const sequence_layout& kl, int heads,
                                                        int width) {
  std::size_t size = 0;
  cpu_streams::with_factors(d, [&]<class Form>() {
    size = 2 * cpu_streams::panel_store<Form>{heads, kl.longest, width / heads}.size(kl.sequences);
  });
  return size;
}

BLIP_INLINE void cpu_attention::pack_keys(device<cpu>& d, in k, in v, const sequence_layout& kl, int heads, float* to) {
  cpu_streams::with_factors(d, [&]<class Form>() { cpu_streams::pack_keys<Form>(d, k, v, kl, heads, to); });
}

BLIP_INLINE void cpu_attention::attention_vjp(device<cpu>& d, in q, in k, in v, const sequence_layout& ql,
                                              const sequence_layout& kl, source_index source,
                                              const attention_spec& spec, in y, in lse, in dy, grad dq, grad dk,
                                              grad dv) {
  cpu_streams::with_factors(d, [&]<class Form>() {
    cpu_streams::attention_vjp<Form>(d, q, k, v, ql, kl, source, spec, y, lse, dy, dq, dk, dv);
  });
}

}  // namespace blip::inline BLIP_ABI
