// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/autograd/tape.hpp"
#include "blip/backend/kernels.hpp"

namespace blip::inline BLIP_ABI::ops {

// y = factor x.  x, y [n, W]. The gradient adds.
template <class T, int W, class B = typename T::backend_type>
var<T, W> scale(T& t, const var<T, W>& x, double factor) {
  tensor<B> y = t.make(x.rows(), W, x.ref()->value.live, x.ref()->needs_gradient);
  kernels<B>::scale(t.device(), x.view(), factor, y->value);
  if constexpr (T::records)
    t.record(y, [gx = sink_of<B>(x.ref()), factor](T& on, matrix_view<const typename B::scalar> dy) {
      kernels<B>::scale_vjp(on.device(), dy, factor, on.gradient(gx));
    });
  return var<T, W>(std::move(y));
}

}  // namespace blip::inline BLIP_ABI::ops
