// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/ops/affine.hpp"
#include "blip/ops/layer_norm.hpp"
#include "blip/ops/residual.hpp"

namespace blip::inline BLIP_ABI::ops {

// Whether a back end ends a product of few rows with a layer norm in one call, on tapes that do not record.
template <class T, class B = typename T::backend_type>
inline constexpr bool joins_norms = !T::records && requires {
  &kernels<B>::affine_norm;
};

// y = layer_norm(x + act(h w^T + b)); x may be absent.  h [n, in], weight [out, in], bias [out] or null, x, y [n, out].
// The bits are those of affine, residual and layer_norm one after the other, which is also what is recorded.
template <class T, class B = typename T::backend_type>
tensor<B> affine_norm(T& t, const tensor<B>& h, const parameter& weight, const parameter* bias, activation act,
                      const tensor<B>& x, const parameter& gamma, const parameter& beta, double eps) {
  if constexpr (joins_norms<T>)
    if (h->value.rows <= kernels<B>::few_rows) {
      require_equal("ops::affine_norm", "columns of the input", h->value.width, weight.cols());
      require_equal("ops::affine_norm", "columns of the norm", gamma.cols(), weight.rows());
      if (x) {
        require_equal("ops::affine_norm", "rows of the branch", h->value.rows, x->value.rows);
        require_equal("ops::affine_norm", "columns of the branch", weight.rows(), x->value.width);
      }
      using view = matrix_view<const typename B::scalar>;
      tensor<B> y = t.make(h->value.rows, weight.rows(), h->value.live, false);
      kernels<B>::affine_norm(t.device(), h->value, t.weight(weight), bias ? t.value(*bias) : view{}, act,
                              x ? view(x->value) : view{}, t.value(gamma), t.value(beta), eps, y->value);
      return y;
    }
  tensor<B> y = affine(t, h, weight, bias, act);
  if (x) y = residual(t, x, y, {}, {});
  return layer_norm(t, y, gamma, beta, eps);
}

template <int Out, class T, int In>
var<T, Out> affine_norm(T& t, const var<T, In>& h, const parameter& weight, const parameter* bias, activation act,
                        const var<T, Out>& x, const parameter& gamma, const parameter& beta, double eps) {
  return var<T, Out>(affine_norm(t, h.ref(), weight, bias, act, x.ref(), gamma, beta, eps));
}

}  // namespace blip::inline BLIP_ABI::ops
