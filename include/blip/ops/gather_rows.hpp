// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/autograd/tape.hpp"
#include "blip/backend/kernels.hpp"

namespace blip::inline BLIP_ABI::ops {

// y_r = x[index_r]; a negative index gives a row of zeros.  x [n, W], index [rows] in back-end memory, y [rows, W].
// `live` bounds the rows in use when their number was sampled. Gradients of rows taken several times add up.
template <class T, class B = typename T::backend_type>
tensor<B> gather_rows(T& t, const tensor<B>& x, const int* index, int rows, const int* live) {
  tensor<B> y = t.make(rows, x->value.width, live, x->needs_gradient);
  kernels<B>::gather_rows(t.device(), x->value, index, y->value);
  if constexpr (T::records)
    t.record(y, [gx = sink_of<B>(x), index](T& on, matrix_view<const typename B::scalar> dy) {
      kernels<B>::gather_rows_vjp(on.device(), index, dy, on.zeroed_gradient(gx));
    });
  return y;
}

template <class T, int W>
var<T, W> gather_rows(T& t, const var<T, W>& x, const int* index, int rows, const int* live = nullptr) {
  return var<T, W>(gather_rows(t, x.ref(), index, rows, live));
}

}  // namespace blip::inline BLIP_ABI::ops
