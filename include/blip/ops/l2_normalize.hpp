// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/autograd/tape.hpp"
#include "blip/backend/kernels.hpp"

namespace blip::inline BLIP_ABI::ops {

// y = x / max(|x|, 1e-12), row by row.  x, y [n, W]. The gradient adds. Keeps y and the norms.
template <class T, int W, class B = typename T::backend_type>
var<T, W> l2_normalize(T& t, const var<T, W>& x) {
  tensor<B> y = t.make(x.rows(), W, x.ref()->value.live, x.ref()->needs_gradient);
  tensor<B> norms;
  if (y->needs_gradient) norms = t.make(x.rows(), 1, x.ref()->value.live, false);
  kernels<B>::l2_normalize(t.device(), x.view(), y->value, norms ? norms->value : matrix_view<typename B::scalar>{});
  if constexpr (T::records)
    t.record(y, [gx = sink_of<B>(x.ref()), y, norms](T& on, matrix_view<const typename B::scalar> dy) {
      kernels<B>::l2_normalize_vjp(on.device(), y->value, norms->value, dy, on.gradient(gx));
    });
  return var<T, W>(std::move(y));
}

}  // namespace blip::inline BLIP_ABI::ops
