// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "blip/backend/cpu/losses.hpp"
#include "blip/backend/cpu/rows-inl.hpp"

namespace blip::inline BLIP_ABI {

namespace cpu_loss {

using namespace cpu_row;

inline float log_sum_exp(const float* x, int n) {
  const float top = simd::largest(n, x);
  const int whole = n / simd::lanes * simd::lanes;
  float sum = simd::sum(
      whole, [=](const packet& v) { return simd::exp(vec::psub(v, simd::constant(top))); }, x);
  for (int c = whole; c < n; ++c) sum += std::exp(x[c] - top);
  return top + std::log(sum);
}

// Rows that have a label; at least 1, because a batch without any has the loss 0.
inline float labelled(int rows, const int* labels) {
  int n = 0;
  for (int r = 0; r < rows; ++r) n += !labels || labels[r] >= 0;
  return static_cast<float>(std::max(1, n));
}

}  // namespace cpu_loss

BLIP_INLINE void cpu_losses::cross_entropy(device<cpu>& d, in logits, const int* labels, double smoothing, in teacher,
                                           double alpha, out loss, out lse) {
  using namespace cpu_loss;
  const int n = logits.width;
  const auto eps = static_cast<float>(smoothing), soft = static_cast<float>(teacher.data ? alpha : 0);
  cpu_tiles::each_row(d, logits.live_rows(), n, [&](int r) {
    const float* const x = logits.row(r);
    const float total = lse(r, 0) = log_sum_exp(x, n);
    if (teacher.data) lse(r, 1) = log_sum_exp(teacher.row(r), n);
    if (labels[r] < 0) return void(loss(r, 0) = 0);
    const float mean = eps > 0 ? simd::sum(n, same, x) / static_cast<float>(n) : 0;
    loss(r, 0) = (1 - soft) * (total - (1 - eps) * x[labels[r]] - eps * mean);
    if (!teacher.data) return;
    const float teacher_total = lse(r, 1);
    loss(r, 0) += soft * simd::sum(
                             n,
                             [=](const packet& q, const packet& l) {
                               return vec::pmul(simd::exp(vec::psub(q, simd::constant(teacher_total))),
                                                vec::psub(simd::constant(total), l));
                             },
                             teacher.row(r), x);
  });
}

BLIP_INLINE void cpu_losses::cross_entropy_vjp(device<cpu>& d, in logits, const int* labels, double smoothing,
                                               in teacher, double alpha, in lse, in dloss, grad dlogits) {
  using namespace cpu_loss;
  const auto eps = static_cast<float>(smoothing), soft = static_cast<float>(teacher.data ? alpha : 0);
  const float share = (1 - soft) * eps / static_cast<float>(logits.width);
  cpu_tiles::each_row(d, logits.live_rows(), logits.width, [&](int r) {
    const bool used = labels[r] >= 0;
    if (!used && dlogits.accumulate) return;
    const float by = used ? dloss(r, 0) : 0, total = lse(r, 0);
    const auto hard = [=](const packet& x) {
      return vec::pmul(simd::constant(by),
                       vec::psub(simd::exp(vec::psub(x, simd::constant(total))), simd::constant(share)));
    };
    if (teacher.data) {
      const float teacher_total = lse(r, 1), part = by * soft;
      put(
          dlogits, r,
          [=](const packet& x, const packet& q) {
            return vec::psub(hard(x),
                             vec::pmul(simd::constant(part), simd::exp(vec::psub(q, simd::constant(teacher_total)))));
          },
          logits.row(r), teacher.row(r));
    } else {
      put(dlogits, r, hard, logits.row(r));
    }
    if (used) dlogits(r, labels[r]) -= by * (1 - soft) * (1 - eps);
  });
}

BLIP_INLINE void cpu_losses::soft_cross_entropy(device<cpu>& d, in logits, in targets, out loss, out lse) {
  using namespace cpu_loss;
  cpu_tiles::each_row(d, logits.live_rows(), logits.width, [&](int r) {
    const float total = log_sum_exp(logits.row(r), logits.width);
    lse(r, 0) = total;
    loss(r, 0) = simd::sum(
        logits.width,
        [=](const packet& t, const packet& x) { return vec::pmul(t, vec::psub(simd::constant(total), x)); },
        targets.row(r), logits.row(r));
  });
}

BLIP_INLINE void cpu_losses::soft_cross_entropy_vjp(device<cpu>& d, in logits, in targets, in lse, in dloss,
                                                    grad dlogits) {
  using namespace cpu_loss;
  cpu_tiles::each_row(d, logits.live_rows(), logits.width, [&](int r) {
    const float mass = simd::sum(logits.width, same, targets.row(r)), by = dloss(r, 0), total = lse(r, 0);
    put(
        dlogits, r,
        [=](const packet& x, const packet& t) {
          const packet p = simd::exp(vec::psub(x, simd::constant(total)));
          return vec::pmul(simd::constant(by), vec::psub(vec::pmul(simd::constant(mass), p), t));
        },
        logits.row(r), targets.row(r));
  });
}

BLIP_INLINE void cpu_losses::weighted_sum(device<cpu>& d, in x, in weights, out y) {
  using namespace cpu_loss;
  const int rows = x.live_rows();
  const scratch<cpu, float> parts(d, static_cast<std::size_t>(rows));
  cpu_tiles::each_row(d, rows, x.width, [&](int r) {
    parts[static_cast<std::size_t>(r)] =
        weights.data ? simd::dot(x.width, x.row(r), weights.row(r)) : simd::sum(x.width, same, x.row(r));
  });
  double sum = 0;
  for (int r = 0; r < rows; ++r) sum += parts[static_cast<std::size_t>(r)];
  y(0, 0) = static_cast<float>(sum);
}
BLIP_INLINE void cpu_losses::weighted_sum_vjp(device<cpu>& d, in dy, in weights, grad dx) {
  using namespace cpu_loss;
  const float by = dy(0, 0);
  cpu_tiles::each_row(d, dx.live_rows(), dx.width, [&](int r) {
    if (weights.data)
      return put(
          dx, r, [=](const packet& w) { return vec::pmul(w, simd::constant(by)); }, weights.row(r));
    for (int c = 0; c < dx.width; ++c) dx.put(r, c, by);
  });
}

BLIP_INLINE void cpu_losses::mean_labelled(device<cpu>&, in x, const int* labels, out y) {
  double sum = 0;
  for (int r = 0; r < x.live_rows(); ++r)
    if (!labels || labels[r] >= 0) sum += x(r, 0);
  y(0, 0) = static_cast<float>(sum) / cpu_loss::labelled(x.live_rows(), labels);
}
BLIP_INLINE void cpu_losses::mean_labelled_vjp(device<cpu>&, in dy, const int* labels, grad dx) {
  const float share = dy(0, 0) / cpu_loss::labelled(dx.live_rows(), labels);
  for (int r = 0; r < dx.live_rows(); ++r) dx.put(r, 0, !labels || labels[r] >= 0 ? share : 0.0f);
}

}  // namespace blip::inline BLIP_ABI
