// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/autograd/tape.hpp"
#include "blip/backend/kernels.hpp"

namespace blip::inline BLIP_ABI::ops {

// y = gamma (x - mean) / sqrt(variance + eps) + beta, row by row; the variance is the biased one.
// x, y [n, W]; gamma, beta [W]. Gradients of x, gamma and beta add. Keeps x and two numbers per row;
// y itself is computed again for those whose pullbacks read it.
template <class T, class B = typename T::backend_type>
tensor<B> layer_norm(T& t, const tensor<B>& x, const parameter& gamma, const parameter& beta, double eps) {
  require_equal("ops::layer_norm", "columns of the input", x->value.width, gamma.cols());
  tensor<B> y = t.make(x->value.rows, x->value.width, x->value.live,
                       x->needs_gradient || t.trains(gamma) || t.trains(beta));
  tensor<B> stats;
  if (y->needs_gradient) stats = t.make(x->value.rows, 2, x->value.live, false);
  kernels<B>::layer_norm(t.device(), x->value, t.value(gamma), t.value(beta), eps, y->value,
                         stats ? stats->value : matrix_view<typename B::scalar>{});
  if constexpr (T::records) {
    t.remakes(y, [x, g = t.value(gamma), b = t.value(beta), eps](device<B>& d, matrix_view<typename B::scalar> to) {
      kernels<B>::layer_norm(d, x->value, g, b, eps, to, {});
    });
    t.record(y, [x, gx = sink_of<B>(x), &gamma, &beta, stats](T& on, matrix_view<const typename B::scalar> dy) {
      kernels<B>::layer_norm_vjp(on.device(), x->value, on.value(gamma), stats->value, dy, on.gradient(gx),
                                 on.gradient(gamma), on.gradient(beta));
    });
  }
  return y;
}

template <class T, int W>
var<T, W> layer_norm(T& t, const var<T, W>& x, const parameter& gamma, const parameter& beta, double eps) {
  return var<T, W>(layer_norm(t, x.ref(), gamma, beta, eps));
}

}  // namespace blip::inline BLIP_ABI::ops
