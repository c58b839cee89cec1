// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <vector>

#include "blip/backend/reference/scalar.hpp"
#include "blip/core/device.hpp"

namespace blip::inline BLIP_ABI {

// The contrastive loss of the reference back end, one row of scores at a time; contract in blip/backend/kernels.hpp.
template <class S>
struct reference_contrast {
  using B = reference<S>;
  using in = matrix_view<const S>;
  using out = matrix_view<S>;
  using grad = gradient_view<S>;

  static void contrast(device<B>&, const contrast_inputs<S>& c, out loss, out stats) {
    using std::exp;
    for (int r = 0; r < c.queries.rows; ++r) {
      const std::vector<S> s = scores(c, c.queries, r);
      const S lse = log_sum_exp(s);
      std::vector<S> y;
      S teacher_lse(0);
      targets(c, r, y, teacher_lse);
      S sum(0);
      for (std::size_t j = 0; j < s.size(); ++j) sum += y[j] * (lse - s[j]);
      loss(r, 0) = sum;
      stats(r, 0) = lse, stats(r, 1) = teacher_lse;
    }
  }

  static void contrast_vjp(device<B>&, const contrast_inputs<S>& c, in stats, in dloss, grad dqueries, grad dtemperature) {
    using std::exp;
    const S inverse = S(1) / c.temperature(0, 0);
    S dtau(0);
    for (int r = 0; r < c.queries.rows; ++r) {
      std::vector<S> ds = scores(c, c.queries, r), y;
      S unused(0);
      targets(c, r, y, unused);
      for (std::size_t j = 0; j < ds.size(); ++j) {
        const S s = ds[j];
        ds[j] = dloss(r, 0) * (exp(s - stats(r, 0)) - y[j]) * inverse;
        dtau -= ds[j] * s;
      }
      if (dqueries)
        for (int i = 0; i < c.queries.width; ++i) {
          S sum(0);
          for (std::size_t j = 0; j < ds.size(); ++j) sum += ds[j] * key(c, static_cast<int>(j), i);
          dqueries.put(r, i, sum);
        }
    }
    if (dtemperature) dtemperature.put(0, 0, dtau);
  }

 private:
  static S key(const contrast_inputs<S>& c, int column, int i) {
    return column < c.batch.rows ? c.batch(column, i) : c.queue(column - c.batch.rows, i);
  }
  static std::vector<S> scores(const contrast_inputs<S>& c, in x, int r) {
    std::vector<S> s(static_cast<std::size_t>(c.batch.rows + c.queue.rows), S(0));
    for (std::size_t j = 0; j < s.size(); ++j) {
      for (int i = 0; i < x.width; ++i) s[j] += x(r, i) * key(c, static_cast<int>(j), i);
      s[j] /= c.temperature(0, 0);
    }
    return s;
  }
  static S log_sum_exp(const std::vector<S>& x) {
    using std::exp, std::log;
    S top = x[0], sum(0);
    for (const S& v : x)
      if (detail::real_part(v) > detail::real_part(top)) top = v;
    for (const S& v : x) sum += exp(v - top);
    return top + log(sum);
  }
  static void targets(const contrast_inputs<S>& c, int r, std::vector<S>& y, S& teacher_lse) {
    using std::exp;
    y.assign(static_cast<std::size_t>(c.batch.rows + c.queue.rows), S(0));
    double positives = 0;
    for (std::size_t j = 0; j < y.size(); ++j) positives += c.positive(r, static_cast<int>(j));
    for (std::size_t j = 0; j < y.size(); ++j)
      if (c.positive(r, static_cast<int>(j))) y[j] = S((c.teacher.data ? 1 - c.alpha : 1) / positives);
    if (!c.teacher.data) return;
    const std::vector<S> m = scores(c, c.teacher, r);
    teacher_lse = log_sum_exp(m);
    for (std::size_t j = 0; j < y.size(); ++j) y[j] += S(c.alpha) * exp(m[j] - teacher_lse);
  }
};

}  // namespace blip::inline BLIP_ABI
