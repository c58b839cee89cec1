// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/autograd/tape.hpp"
#include "blip/backend/kernels.hpp"

namespace blip::inline BLIP_ABI::ops {

// y = act(x w^T + b).  x [n, in], weight [out, in], bias [out] or null, y [n, out].
// Gradients of x, weight and bias add. What the pullback keeps: x, and x w^T + b if there is an activation.
template <class T, class B = typename T::backend_type>
tensor<B> affine(T& t, const tensor<B>& x, const parameter& weight, const parameter* bias, activation act) {
  using view = matrix_view<const typename B::scalar>;
  require_equal("ops::affine", "columns of the input", x->value.width, weight.cols());
  const bool needs = x->needs_gradient || t.trains(weight) || (bias && t.trains(*bias));
  tensor<B> y = t.make(x->value.rows, weight.rows(), x->value.live, needs);
  tensor<B> pre;
  if (y->needs_gradient && act != activation::none) pre = t.make(y->value.rows, y->value.width, y->value.live, false);
  kernels<B>::affine(t.device(), x->value, t.weight(weight), bias ? t.value(*bias) : view{}, act, y->value,
                     pre ? pre->value : matrix_view<typename B::scalar>{});
  if constexpr (T::records)
    t.record(y, [x = kept<B>(x), gx = sink_of<B>(x), &weight, bias, pre, act](T& on, view dy) {
      kernels<B>::affine_vjp(on.device(), on.value_of(x)->value, on.weight(weight), act, pre ? view(pre->value) : view{}, dy,
                             on.gradient(gx), on.gradient(weight),
                             bias ? on.gradient(*bias) : gradient_view<typename B::scalar>{});
    });
  return y;
}

template <int Out, class T, int In>
var<T, Out> affine(T& t, const var<T, In>& x, const parameter& weight, const parameter* bias = nullptr,
                   activation act = activation::none) {
  return var<T, Out>(affine(t, x.ref(), weight, bias, act));
}

// The same with a run-time number of outputs: logits over a vocabulary.
template <class T, int In>
scores<T> affine_scores(T& t, const var<T, In>& x, const parameter& weight, const parameter* bias = nullptr) {
  return scores<T>(affine(t, x.ref(), weight, bias, activation::none));
}

}  // namespace blip::inline BLIP_ABI::ops
