// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/autograd/tape.hpp"
#include "blip/backend/kernels.hpp"
#include "blip/ops/narrowed.hpp"

namespace blip::inline BLIP_ABI::ops {

// Two affine maps with an activation between them.
struct feed_forward_weights {
  const parameter &first, &first_bias;    // [hidden, in], [hidden]
  const parameter &second, &second_bias;  // [out, hidden], [out]
};

// y = act(x W_1^T + b_1) W_2^T + b_2.  x [n, in], y [n, out]. Gradients of x and of all four parameters add.
// Keeps x and x W_1^T + b_1 (rounded to bf16 where products are); the activation's result, the widest matrix of a
// transformer, is made again in the pullback.
template <class T, class B = typename T::backend_type>
tensor<B> feed_forward(T& t, const tensor<B>& x, const feed_forward_weights& w, activation act) {
  using view = matrix_view<const typename B::scalar>;
  require_equal("ops::feed_forward", "columns of the input", x->value.width, w.first.cols());
  require_equal("ops::feed_forward", "columns of the second weight", w.second.cols(), w.first.rows());
  const int rows = x->value.rows, hidden = w.first.rows();
  const int* const live = x->value.live;
  const bool needs = x->needs_gradient || t.trains(w.first) || t.trains(w.first_bias) || t.trains(w.second) ||
                     t.trains(w.second_bias);
  tensor<B> y = t.make(rows, w.second.rows(), live, needs);
  tensor<B> pre;
  if (y->needs_gradient) pre = t.make(rows, hidden, live, false);
  {
    const tensor<B> wide = t.make(rows, hidden, live, false);
    kernels<B>::affine(t.device(), x->value, t.weight(w.first), t.value(w.first_bias), act, wide->value,
                       pre ? pre->value : matrix_view<typename B::scalar>{});
    kernels<B>::affine(t.device(), wide->value, t.weight(w.second), t.value(w.second_bias), activation::none, y->value, {});
  }
  if constexpr (T::records)
    t.record(y, [x = kept<B>(x), gx = sink_of<B>(x), w, pre = narrowed(t, pre), hidden, act](T& on, view dy) {
      const tensor<B> before = widened(on, pre, hidden);
      const view p = before->value;
      const tensor<B> d = on.make(p.rows, p.width, p.live, false);
      {
        const tensor<B> wide = on.make(p.rows, p.width, p.live, false);
        kernels<B>::activate(on.device(), p, act, wide->value);
        kernels<B>::affine_vjp(on.device(), wide->value, on.weight(w.second), activation::none, {}, dy, {d->value, false},
                               on.gradient(w.second), on.gradient(w.second_bias));
      }
      kernels<B>::affine_vjp(on.device(), on.value_of(x)->value, on.weight(w.first), act, p, d->value, on.gradient(gx),
                             on.gradient(w.first), on.gradient(w.first_bias));
    });
  return y;
}

template <int Out, class T, int In>
var<T, Out> feed_forward(T& t, const var<T, In>& x, const feed_forward_weights& w, activation act) {
  return var<T, Out>(feed_forward(t, x.ref(), w, act));
}

}  // namespace blip::inline BLIP_ABI::ops
