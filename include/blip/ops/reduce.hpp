// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/autograd/tape.hpp"
#include "blip/backend/kernels.hpp"

namespace blip::inline BLIP_ABI::ops {

// y = sum of weights * x over all elements (weights null: all 1).  x, weights [n, W], y [1, 1]. The gradient adds to x.
template <class T, int W, class B = typename T::backend_type>
var<T, 1> weighted_sum(T& t, const var<T, W>& x, matrix_view<const typename B::scalar> weights = {}) {
  tensor<B> y = t.make(1, 1, nullptr, x.ref()->needs_gradient);
  kernels<B>::weighted_sum(t.device(), x.view(), weights, y->value);
  if constexpr (T::records)
    t.record(y, [gx = sink_of<B>(x.ref()), weights](T& on, matrix_view<const typename B::scalar> dy) {
      kernels<B>::weighted_sum_vjp(on.device(), dy, weights, on.gradient(gx));
    });
  return var<T, 1>(std::move(y));
}

// Mean of the rows whose label is not negative (labels null: of all rows); 0 when there is none.
// x [n, 1], labels [n] in back-end memory, y [1, 1]. The gradient adds.
template <class T, int W, class B = typename T::backend_type>
var<T, 1> mean_labelled(T& t, const var<T, W>& x, const int* labels = nullptr) {
  static_assert(W == 1, "blip::ops::mean_labelled: takes one number per row, [n, 1]");
  tensor<B> y = t.make(1, 1, nullptr, x.ref()->needs_gradient);
  kernels<B>::mean_labelled(t.device(), x.view(), labels, y->value);
  if constexpr (T::records)
    t.record(y, [gx = sink_of<B>(x.ref()), labels](T& on, matrix_view<const typename B::scalar> dy) {
      kernels<B>::mean_labelled_vjp(on.device(), dy, labels, on.gradient(gx));
    });
  return var<T, 1>(std::move(y));
}

}  // namespace blip::inline BLIP_ABI::ops
