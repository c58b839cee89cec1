// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/autograd/tape.hpp"
#include "blip/backend/kernels.hpp"

namespace blip::inline BLIP_ABI::ops {

// Loss of every row against a class:  lse - (1 - smoothing) l_label - smoothing mean(l).
// logits [n, V], labels [n] in back-end memory, y [n, 1]; a negative label makes a row's loss and gradient 0.
// The gradient adds. Keeps the logits and one number per row. Source: label smoothing of Szegedy et al. 2016.
template <class T, class B = typename T::backend_type>
var<T, 1> cross_entropy(T& t, const scores<T>& logits, const int* labels, double smoothing = 0) {
  const tensor<B>& l = logits.ref();
  tensor<B> y = t.make(l->value.rows, 1, l->value.live, l->needs_gradient);
  tensor<B> lse = t.make(l->value.rows, 1, l->value.live, false);
  kernels<B>::cross_entropy(t.device(), l->value, labels, smoothing, y->value, lse->value);
  if constexpr (T::records)
    t.record(y, [l, gl = sink_of<B>(l), labels, smoothing, lse](T& on, matrix_view<const typename B::scalar> dy) {
      kernels<B>::cross_entropy_vjp(on.device(), l->value, labels, smoothing, lse->value, dy, on.gradient(gl));
    });
  return var<T, 1>(std::move(y));
}

// Loss of every row against a distribution:  sum_c targets_c (lse - l_c).  logits, targets [n, V], y [n, 1].
// No gradient reaches the targets (they come from a momentum model, or mix labels with one).
template <class T, class B = typename T::backend_type>
var<T, 1> soft_cross_entropy(T& t, const scores<T>& logits, const scores<T>& targets) {
  const tensor<B>& l = logits.ref();
  require_equal("ops::soft_cross_entropy", "rows of the targets", targets.rows(), logits.rows());
  require_equal("ops::soft_cross_entropy", "columns of the targets", targets.width(), logits.width());
  tensor<B> y = t.make(l->value.rows, 1, l->value.live, l->needs_gradient);
  tensor<B> lse = t.make(l->value.rows, 1, l->value.live, false);
  kernels<B>::soft_cross_entropy(t.device(), l->value, targets.view(), y->value, lse->value);
  if constexpr (T::records)
    t.record(y, [l, gl = sink_of<B>(l), targets, lse](T& on, matrix_view<const typename B::scalar> dy) {
      kernels<B>::soft_cross_entropy_vjp(on.device(), l->value, targets.view(), lse->value, dy, on.gradient(gl));
    });
  return var<T, 1>(std::move(y));
}

}  // namespace blip::inline BLIP_ABI::ops
