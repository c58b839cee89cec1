// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <utility>

#include "blip/backend/kernels.hpp"

// A back end that counts the multiply-adds of every product and leaves the work to another one: `counting<idle>` counts
// without computing. What is counted is what a kernel has to do by its contract: rows in use, keys that a query may
// see.
namespace blip_test {

// Multiply-adds, by what multiplies.
struct multiply_adds {
  double weights = 0;     // rows by a weight: affine maps, MLPs, projections, patches, word heads
  double attention = 0;   // queries by keys, probabilities by values
  double similarity = 0;  // features by features, those of a queue included
  double all() const { return weights + attention + similarity; }
};

// Of a step. What a pullback must make again because the forward pass did not keep it (scores, whole checkpointed
// blocks) is counted apart from the gradient's own work.
struct work {
  multiply_adds forward, backward, recomputed;
  bool replaying = false;  // set it for the backward pass: then whatever a forward kernel does is done again
};

template <class Inner>
struct counting {
  using scalar = typename Inner::scalar;
  struct options {
    work* counted = nullptr;
  };
};

// Kernel F of another back end.
template <class B, auto F>
struct relayed;
template <class B, class Inner, class... A, void (*F)(blip::device<Inner>&, A...)>
struct relayed<B, F> {
  static void call(blip::device<B>&, A... arguments) {
    static blip::device<Inner> host;
    F(host, arguments...);
  }
};

}  // namespace blip_test

namespace blip::inline BLIP_ABI {

template <class Inner>
inline constexpr bool has_kernels<blip_test::counting<Inner>> = true;
template <class Inner>
inline constexpr int rows_at_a_time<blip_test::counting<Inner>> = rows_at_a_time<Inner>;

template <class Inner>
struct kernels<blip_test::counting<Inner>> {
  using B = blip_test::counting<Inner>;
  using R = kernels<Inner>;
  using S = typename B::scalar;
  using in = matrix_view<const S>;
  using out = matrix_view<S>;
  using grad = gradient_view<S>;

  static void affine(device<B>& d, in x, weight_view<S> w, in b, activation act, out y, out pre) {
    forward(d).weights += product(x.live_rows(), w.rows, w.width);
    relay<+R::affine>(d, x, w, b, act, y, pre);
  }
  static void affine_vjp(device<B>& d, in x, weight_view<S> w, activation act, in pre, in dy, grad dx, grad dw,
                         grad db) {
    backward(d).weights += (bool(dx) + bool(dw)) * product(dy.live_rows(), w.rows, w.width);
    relay<+R::affine_vjp>(d, x, w, act, pre, dy, dx, dw, db);
  }

  static void attention(device<B>& d, in q, in k, in v, const sequence_layout& ql, const sequence_layout& kl,
                        source_index source, const attention_spec& spec, out y, out lse) {
    forward(d).attention += 2 * seen(ql, kl, source, spec.causal) * q.width;  // q k, p v
    relay<+R::attention>(d, q, k, v, ql, kl, source, spec, y, lse);
  }
  // The scores exist again; then dy v, ds k, ds q, p dy.
  static void attention_vjp(device<B>& d, in q, in k, in v, const sequence_layout& ql, const sequence_layout& kl,
                            source_index source, const attention_spec& spec, in y, in lse, in dy, grad dq, grad dk,
                            grad dv) {
    const double one = seen(ql, kl, source, spec.causal) * q.width;
    recomputed(d).attention += one;
    backward(d).attention += ((dq || dk ? 1 : 0) + bool(dq) + bool(dk) + bool(dv)) * one;
    relay<+R::attention_vjp>(d, q, k, v, ql, kl, source, spec, y, lse, dy, dq, dk, dv);
  }

  static void similarity(device<B>& d, in x, in y, in temperature, out s) {
    forward(d).similarity += product(x.live_rows(), y.live_rows(), x.width);
    relay<+R::similarity>(d, x, y, temperature, s);
  }
  static void similarity_vjp(device<B>& d, in x, in y, in temperature, in s, in ds, grad dx, grad dy,
                             grad dtemperature) {
    backward(d).similarity += (bool(dx) + bool(dy)) * product(x.live_rows(), y.live_rows(), x.width);
    relay<+R::similarity_vjp>(d, x, y, temperature, s, ds, dx, dy, dtemperature);
  }
  static void contrast(device<B>& d, const contrast_inputs<S>& c, out loss, out stats) {
    forward(d).similarity += scores_of(c);
    relay<+R::contrast>(d, c, loss, stats);
  }
  // Scores are streamed, so they exist again, the teacher's too.
  static void contrast_vjp(device<B>& d, const contrast_inputs<S>& c, in stats, in dloss, grad dqueries,
                           grad dtemperature) {
    recomputed(d).similarity += scores_of(c);
    backward(d).similarity += bool(dqueries) * product(c.queries.rows, c.columns(), c.queries.width);
    relay<+R::contrast_vjp>(d, c, stats, dloss, dqueries, dtemperature);
  }

  static constexpr auto activate = &blip_test::relayed<B, +R::activate>::call;
  static constexpr auto layer_norm = &blip_test::relayed<B, +R::layer_norm>::call;
  static constexpr auto layer_norm_vjp = &blip_test::relayed<B, +R::layer_norm_vjp>::call;
  static constexpr auto embed = &blip_test::relayed<B, +R::embed>::call;
  static constexpr auto embed_vjp = &blip_test::relayed<B, +R::embed_vjp>::call;
  static constexpr auto patchify = &blip_test::relayed<B, +R::patchify>::call;
  static constexpr auto patchify_vjp = &blip_test::relayed<B, +R::patchify_vjp>::call;
  static constexpr auto tokens = &blip_test::relayed<B, +R::tokens>::call;
  static constexpr auto tokens_vjp = &blip_test::relayed<B, +R::tokens_vjp>::call;
  static constexpr auto resize_positions = &blip_test::relayed<B, +R::resize_positions>::call;
  static constexpr auto resize_positions_vjp = &blip_test::relayed<B, +R::resize_positions_vjp>::call;
  static constexpr auto residual = &blip_test::relayed<B, +R::residual>::call;
  static constexpr auto residual_vjp = &blip_test::relayed<B, +R::residual_vjp>::call;
  static constexpr auto scale = &blip_test::relayed<B, +R::scale>::call;
  static constexpr auto scale_vjp = &blip_test::relayed<B, +R::scale_vjp>::call;
  static constexpr auto gather_rows = &blip_test::relayed<B, +R::gather_rows>::call;
  static constexpr auto gather_rows_vjp = &blip_test::relayed<B, +R::gather_rows_vjp>::call;
  static constexpr auto scatter_rows = &blip_test::relayed<B, +R::scatter_rows>::call;
  static constexpr auto scatter_rows_vjp = &blip_test::relayed<B, +R::scatter_rows_vjp>::call;
  static constexpr auto copy_columns = &blip_test::relayed<B, +R::copy_columns>::call;
  static constexpr auto copy_columns_vjp = &blip_test::relayed<B, +R::copy_columns_vjp>::call;
  static constexpr auto l2_normalize = &blip_test::relayed<B, +R::l2_normalize>::call;
  static constexpr auto l2_normalize_vjp = &blip_test::relayed<B, +R::l2_normalize_vjp>::call;
  static constexpr auto cross_entropy = &blip_test::relayed<B, +R::cross_entropy>::call;
  static constexpr auto cross_entropy_vjp = &blip_test::relayed<B, +R::cross_entropy_vjp>::call;
  static constexpr auto soft_cross_entropy = &blip_test::relayed<B, +R::soft_cross_entropy>::call;
  static constexpr auto soft_cross_entropy_vjp = &blip_test::relayed<B, +R::soft_cross_entropy_vjp>::call;
  static constexpr auto sample_negatives = &blip_test::relayed<B, +R::sample_negatives>::call;
  static constexpr auto matching_pairs = &blip_test::relayed<B, +R::matching_pairs>::call;
  static constexpr auto gather_ints = &blip_test::relayed<B, +R::gather_ints>::call;
  static constexpr auto assign_pairs = &blip_test::relayed<B, +R::assign_pairs>::call;
  static constexpr auto clamp = &blip_test::relayed<B, +R::clamp>::call;
  static constexpr auto weighted_sum = &blip_test::relayed<B, +R::weighted_sum>::call;
  static constexpr auto weighted_sum_vjp = &blip_test::relayed<B, +R::weighted_sum_vjp>::call;
  static constexpr auto mean_labelled = &blip_test::relayed<B, +R::mean_labelled>::call;
  static constexpr auto mean_labelled_vjp = &blip_test::relayed<B, +R::mean_labelled_vjp>::call;
  static constexpr auto adamw = &blip_test::relayed<B, +R::adamw>::call;
  static constexpr auto squared_norm = &blip_test::relayed<B, +R::squared_norm>::call;
  static constexpr auto ema = &blip_test::relayed<B, +R::ema>::call;

 private:
  template <auto F, class... A>
  static void relay(device<B>& d, const A&... arguments) {
    blip_test::relayed<B, F>::call(d, arguments...);
  }

  static blip_test::multiply_adds& forward(device<B>& d) {
    blip_test::work& w = *d.options().counted;
    return w.replaying ? w.recomputed : w.forward;
  }
  static blip_test::multiply_adds& backward(device<B>& d) { return d.options().counted->backward; }
  static blip_test::multiply_adds& recomputed(device<B>& d) { return d.options().counted->recomputed; }

  static double product(double rows, double columns, double depth) { return rows * columns * depth; }
  static double scores_of(const contrast_inputs<S>& c) {
    return (1 + (c.teacher.data != nullptr)) * product(c.queries.rows, c.columns(), c.queries.width);
  }
  // Pairs of a query and a key that it may see.
  static double seen(const sequence_layout& ql, const sequence_layout& kl, source_index source, bool causal) {
    double pairs = 0;
    for (int s = 0; s < ql.sequences; ++s) {
      const int n = ql.length(s), m = kl.length(source ? source[s] : s);
      for (int i = 0; i < n; ++i) pairs += causal ? std::clamp(i + 1 + m - n, 0, m) : m;
    }
    return pairs;
  }
};

}  // namespace blip::inline BLIP_ABI
