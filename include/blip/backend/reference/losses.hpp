// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "blip/backend/reference/scalar.hpp"
#include "blip/core/device.hpp"

namespace blip::inline BLIP_ABI {

// Cross entropies and reductions of the reference back end; contracts in blip/backend/kernels.hpp.
template <class S>
struct reference_losses {
  using B = reference<S>;
  using in = matrix_view<const S>;
  using out = matrix_view<S>;
  using grad = gradient_view<S>;

  static void cross_entropy(device<B>&, in logits, const int* labels, double smoothing, in teacher, double alpha,
                            out loss, out lse) {
    for (int r = 0; r < logits.live_rows(); ++r) {
      lse(r, 0) = log_sum_exp(logits, r);
      if (teacher.data) lse(r, 1) = log_sum_exp(teacher, r);
      S sum(0);
      for (int c = 0; c < logits.width; ++c)
        sum += target(r, c, logits, labels, smoothing, teacher, alpha, lse) * (lse(r, 0) - logits(r, c));
      loss(r, 0) = labels[r] < 0 ? S(0) : sum;
    }
  }
  static void cross_entropy_vjp(device<B>&, in logits, const int* labels, double smoothing, in teacher, double alpha,
                                in lse, in dloss, grad dlogits) {
    using std::exp;
    for (int r = 0; r < logits.live_rows(); ++r)
      for (int c = 0; c < logits.width; ++c) {
        const S y = target(r, c, logits, labels, smoothing, teacher, alpha, lse);
        dlogits.put(r, c, labels[r] < 0 ? S(0) : dloss(r, 0) * (exp(logits(r, c) - lse(r, 0)) - y));
      }
  }

  static void soft_cross_entropy(device<B>&, in logits, in targets, out loss, out lse) {
    for (int r = 0; r < logits.live_rows(); ++r) {
      lse(r, 0) = log_sum_exp(logits, r);
      S sum(0);
      for (int c = 0; c < logits.width; ++c) sum += targets(r, c) * (lse(r, 0) - logits(r, c));
      loss(r, 0) = sum;
    }
  }
  static void soft_cross_entropy_vjp(device<B>&, in logits, in targets, in lse, in dloss, grad dlogits) {
    using std::exp;
    for (int r = 0; r < logits.live_rows(); ++r) {
      S mass(0);
      for (int c = 0; c < logits.width; ++c) mass += targets(r, c);
      for (int c = 0; c < logits.width; ++c)
        dlogits.put(r, c, dloss(r, 0) * (mass * exp(logits(r, c) - lse(r, 0)) - targets(r, c)));
    }
  }

  static void weighted_sum(device<B>&, in x, in weights, out y) {
    S sum(0);
    for (int r = 0; r < x.live_rows(); ++r)
      for (int c = 0; c < x.width; ++c) sum += weights.data ? weights(r, c) * x(r, c) : x(r, c);
    y(0, 0) = sum;
  }
  static void weighted_sum_vjp(device<B>&, in dy, in weights, grad dx) {
    for (int r = 0; r < dx.live_rows(); ++r)
      for (int c = 0; c < dx.width; ++c) dx.put(r, c, weights.data ? dy(0, 0) * weights(r, c) : dy(0, 0));
  }

  static void mean_labelled(device<B>&, in x, const int* labels, out y) {
    S sum(0);
    for (int r = 0; r < x.live_rows(); ++r)
      if (!labels || labels[r] >= 0) sum += x(r, 0);
    y(0, 0) = sum / S(count(x.live_rows(), labels));
  }
  static void mean_labelled_vjp(device<B>&, in dy, const int* labels, grad dx) {
    const S share = dy(0, 0) / S(count(dx.live_rows(), labels));
    for (int r = 0; r < dx.live_rows(); ++r) dx.put(r, 0, !labels || labels[r] >= 0 ? share : S(0));
  }

 private:
  // What the softmax of a labelled row should be: label, smoothing and teacher mixed.
  static S target(int r, int c, in logits, const int* labels, double smoothing, in teacher, double alpha, in lse) {
    using std::exp;
    const S hard((labels[r] == c ? 1 - smoothing : 0) + smoothing / logits.width);
    return teacher.data ? S(1 - alpha) * hard + S(alpha) * exp(teacher(r, c) - lse(r, 1)) : hard;
  }
  // At least 1: a batch without any label has the loss 0.
  static double count(int rows, const int* labels) {
    int n = 0;
    for (int r = 0; r < rows; ++r) n += !labels || labels[r] >= 0;
    return n > 0 ? n : 1;
  }
  static S log_sum_exp(in x, int r) {
    using std::exp, std::log;
    S top = x(r, 0), sum(0);
    for (int c = 1; c < x.width; ++c)
      if (detail::real_part(x(r, c)) > detail::real_part(top)) top = x(r, c);
    for (int c = 0; c < x.width; ++c) sum += exp(x(r, c) - top);
    return top + log(sum);
  }
};

}  // namespace blip::inline BLIP_ABI
