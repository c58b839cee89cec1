// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/autograd/tape.hpp"
#include "blip/backend/kernels.hpp"

namespace blip::inline BLIP_ABI::ops {

// What the rows of a cross entropy are compared with.
template <class B>
struct class_targets {
  const int* labels = nullptr;  // [n] in back-end memory; a negative label makes a row's loss and gradient 0
  double smoothing = 0;
  tensor<B> teacher{};          // logits [n, V] of a momentum model, or none; no gradient reaches them
  double alpha = 0;             // weight of the teacher
};

// Loss of every row:  hard_r = lse_r - (1 - smoothing) l_label - smoothing mean(l), or with a teacher
//   (1 - alpha) hard_r + alpha (lse_r - sum_c softmax(teacher_r)_c l_c).
// logits [n, V], y [n, 1]. The gradient adds. Keeps the logits and one number (with a teacher two) per row.
// Source: label smoothing of Szegedy et al. 2016; momentum distillation of ALBEF (section 3.2).
template <class T, class B = typename T::backend_type>
var<T, 1> cross_entropy(T& t, const scores<T>& logits, const class_targets<B>& to) {
  using view = matrix_view<const typename B::scalar>;
  const tensor<B>& l = logits.ref();
  if (to.teacher) {
    require_equal("ops::cross_entropy", "rows of the teacher", to.teacher->value.rows, logits.rows());
    require_equal("ops::cross_entropy", "classes of the teacher", to.teacher->value.width, logits.width());
  }
  const auto taught = [](const tensor<B>& x) { return x ? view(x->value) : view{}; };
  tensor<B> y = t.make(l->value.rows, 1, l->value.live, l->needs_gradient);
  tensor<B> lse = t.make(l->value.rows, to.teacher ? 2 : 1, l->value.live, false);
  kernels<B>::cross_entropy(t.device(), l->value, to.labels, to.smoothing, taught(to.teacher), to.alpha, y->value,
                            lse->value);
  if constexpr (T::records)
    t.record(y, [l, gl = sink_of<B>(l), to, taught, lse](T& on, view dy) {
      kernels<B>::cross_entropy_vjp(on.device(), l->value, to.labels, to.smoothing, taught(to.teacher), to.alpha,
                                    lse->value, dy, on.gradient(gl));
    });
  return var<T, 1>(std::move(y));
}
template <class T>
var<T, 1> cross_entropy(T& t, const scores<T>& logits, const int* labels, double smoothing = 0) {
  return cross_entropy(t, logits, class_targets<typename T::backend_type>{.labels = labels, .smoothing = smoothing});
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
