// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/autograd/tape.hpp"
#include "blip/backend/kernels.hpp"

namespace blip::inline BLIP_ABI::ops {

// y[index_r] = x_r, all other rows of y zero; rows with a negative index are left out.  x [n, W], y [rows, W]; no two
// indices may be equal. The gradient adds.
template <class T, int W, class B = typename T::backend_type>
var<T, W> scatter_rows(T& t, const var<T, W>& x, const int* index, int rows) {
  tensor<B> y = t.make(rows, W, nullptr, x.ref()->needs_gradient);
  memory<B>::zero(y->value.data, y->bytes());
  kernels<B>::scatter_rows(t.device(), x.view(), index, y->value);
  if constexpr (T::records)
    t.record(y, [gx = sink_of<B>(x.ref()), index](T& on, matrix_view<const typename B::scalar> dy) {
      kernels<B>::scatter_rows_vjp(on.device(), index, dy, on.gradient(gx));
    });
  return var<T, W>(std::move(y));
}

}  // namespace blip::inline BLIP_ABI::ops
