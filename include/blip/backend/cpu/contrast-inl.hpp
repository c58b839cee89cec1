// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>

#include "blip/backend/cpu/contrast.hpp"
#include "blip/backend/cpu/products-inl.hpp"

namespace blip::inline BLIP_ABI {

namespace cpu_contrasts {

using simd::packet;
namespace vec = simd::vec;

inline constexpr int block_keys = 512;  // columns whose scores exist at a time; fixed, so that sums are

// f(first column, keys) for the keys of the batch, then those of the queue, a block at a time.
template <class F>
void each_block(const contrast_inputs<float>& c, F f) {
  const auto segment = [&](const matrix_view<const float>& keys, int column) {
    for (int first = 0; first < keys.rows; first += block_keys)
      f(column + first, matrix_view<const float>{keys.row(first), std::min(block_keys, keys.rows - first), keys.width,
                                                 keys.stride, nullptr});
  };
  segment(c.batch, 0);
  segment(c.queue, c.batch.rows);
}

// s [n, keys] = x keys^T / temperature.
inline void score(device<cpu>& d, const matrix_view<const float>& x, const matrix_view<const float>& keys, float inverse,
                  float* s) {
  const product<float> p{product_form::nt, x.rows,      keys.rows, x.width,    x.data, x.stride,
                         keys.data,        keys.stride, s,         block_keys, false,  nullptr};
  gemm<eigen_engine>::multiply(d, cpu_tiles::threads(d), p, [&](const product_tile& t) {
    for (int r = t.row; r < t.row + t.rows; ++r)
      for (int k = t.column; k < t.column + t.columns; ++k) s[std::ptrdiff_t{r} * block_keys + k] *= inverse;
  });
}

// A softmax's sum that grows block by block, and a sum under its weights.
struct running {
  float top = -INFINITY, sum = 0, weighted = 0;

  // The factor for what was summed before.
  float rise(float highest) {
    const float before = top;
    top = std::max(top, highest);
    return before == top ? 1 : std::exp(before - top);
  }
};

inline int positives(const contrast_inputs<float>& c, int r) {
  int n = 0;
  for (int k = 0; k < c.columns(); ++k) n += c.positive(r, k);
  return n;
}

}  // namespace cpu_contrasts

BLIP_INLINE void cpu_contrast::contrast(device<cpu>& d, const contrast_inputs<float>& c, out loss, out stats) {
  using namespace cpu_contrasts;
  const int n = c.queries.rows;
  const bool taught = c.teacher.data != nullptr;
  const float inverse = 1 / c.temperature(0, 0), soft = static_cast<float>(taught ? c.alpha : 0);
  const auto size = static_cast<std::size_t>(n) * block_keys;
  const scratch<cpu, float> student(d, size), teacher(d, taught ? size : 0);
  struct row_sums {
    running own, taught;
    double hard;
    int count;
  };
  const scratch<cpu, row_sums> sums(d, static_cast<std::size_t>(n));
  for (int r = 0; r < n; ++r) sums[static_cast<std::size_t>(r)] = {{}, {}, 0, 0};
  each_block(c, [&](int column, const in& keys) {
    score(d, c.queries, keys, inverse, student.data());
    if (taught) score(d, c.teacher, keys, inverse, teacher.data());
    cpu_tiles::each_row(d, n, 4 * block_keys, [&](int r) {
      row_sums& at = sums[static_cast<std::size_t>(r)];
      const float* const s = student.data() + std::ptrdiff_t{r} * block_keys;
      const auto exponential = [](float top) {
        return [=](const packet& x) { return simd::exp(vec::psub(x, simd::constant(top))); };
      };
      at.own.sum *= at.own.rise(simd::largest(keys.rows, s));
      at.own.sum += simd::sum(keys.rows, exponential(at.own.top), s);
      for (int k = 0; k < keys.rows; ++k)
        if (c.positive(r, column + k)) at.hard += s[k], ++at.count;
      if (!taught) return;
      const float* const m = teacher.data() + std::ptrdiff_t{r} * block_keys;
      const float fade = at.taught.rise(simd::largest(keys.rows, m));
      const auto weight = exponential(at.taught.top);
      at.taught.sum = at.taught.sum * fade + simd::sum(keys.rows, weight, m);
      at.taught.weighted = at.taught.weighted * fade +
                           simd::sum(
                               keys.rows, [&](const packet& q, const packet& x) { return vec::pmul(weight(q), x); }, m, s);
    });
  });
  for (int r = 0; r < n; ++r) {
    const row_sums& at = sums[static_cast<std::size_t>(r)];
    const float lse = at.own.top + std::log(at.own.sum);
    const float hard = at.count > 0 ? lse - static_cast<float>(at.hard / at.count) : 0;
    loss(r, 0) = (1 - soft) * hard + (taught ? soft * (lse - at.taught.weighted / at.taught.sum) : 0);
    stats(r, 0) = lse;
    stats(r, 1) = taught ? at.taught.top + std::log(at.taught.sum) : 0;
  }
}

BLIP_INLINE void cpu_contrast::contrast_vjp(device<cpu>& d, const contrast_inputs<float>& c, in stats, in dloss,
                                            grad dqueries, grad dtemperature) {
  using namespace cpu_contrasts;
  const int n = c.queries.rows;
  const bool taught = c.teacher.data != nullptr;
  const float inverse = 1 / c.temperature(0, 0), soft = static_cast<float>(taught ? c.alpha : 0);
  const auto size = static_cast<std::size_t>(n) * block_keys;
  const scratch<cpu, float> student(d, size), teacher(d, taught ? size : 0);
  const scratch<cpu, float> share(d, static_cast<std::size_t>(n));
  const scratch<cpu, double> slopes(d, static_cast<std::size_t>(n));
  cpu_tiles::each_row(d, n, c.columns(), [&](int r) {
    const int count = positives(c, r);
    share[static_cast<std::size_t>(r)] = count > 0 ? (1 - soft) / static_cast<float>(count) : 0;
    slopes[static_cast<std::size_t>(r)] = 0;
  });
  each_block(c, [&](int column, const in& keys) {
    score(d, c.queries, keys, inverse, student.data());
    if (taught) score(d, c.teacher, keys, inverse, teacher.data());
    cpu_tiles::each_row(d, n, 4 * block_keys, [&](int r) {
      float* const s = student.data() + std::ptrdiff_t{r} * block_keys;
      const float by = dloss(r, 0) * inverse, lse = stats(r, 0), teacher_lse = stats(r, 1);
      const float hard = share[static_cast<std::size_t>(r)];
      double& slope = slopes[static_cast<std::size_t>(r)];
      for (int k = 0; k < keys.rows; ++k)
        if (c.positive(r, column + k)) slope += static_cast<double>(by) * hard * s[k];
      float* const m = taught ? teacher.data() + std::ptrdiff_t{r} * block_keys : s;
      const auto difference = [=](const packet& x, const packet& q) {
        const packet p = simd::exp(vec::psub(x, simd::constant(lse)));
        if (!taught) return p;
        return vec::psub(p, vec::pmul(simd::constant(soft), simd::exp(vec::psub(q, simd::constant(teacher_lse)))));
      };
      slope -= static_cast<double>(by) *
               simd::sum(
                   keys.rows, [=](const packet& x, const packet& q) { return vec::pmul(difference(x, q), x); }, s, m);
      simd::map(
          keys.rows, s, [=](const packet& x, const packet& q) { return vec::pmul(simd::constant(by), difference(x, q)); },
          s, m);
      for (int k = 0; k < keys.rows; ++k)
        if (c.positive(r, column + k)) s[k] -= by * hard;
    });
    if (!dqueries) return;
    grad to = dqueries;
    to.accumulate = dqueries.accumulate || column > 0;
    gemm<eigen_engine>::multiply(d, cpu_tiles::threads(d),
                                 product<float>{product_form::nn, n, keys.width, keys.rows, student.data(), block_keys,
                                                keys.data, keys.stride, to.data, to.stride, to.accumulate, nullptr});
  });
  if (!dtemperature) return;
  double sum = 0;
  for (int r = 0; r < n; ++r) sum += slopes[static_cast<std::size_t>(r)];
  dtemperature.put(0, 0, static_cast<float>(sum));
}

}  // namespace blip::inline BLIP_ABI
