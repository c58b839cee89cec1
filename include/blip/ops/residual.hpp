// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/autograd/tape.hpp"
#include "blip/backend/kernels.hpp"

namespace blip::inline BLIP_ABI::ops {

// y = x + dropout(branch); x may be absent (plain dropout).  x, branch, y [n, W]. Dropout zeroes elements (or, as
// drop-path, whole sequences) and rescales the others; `layout` gives its addresses. Gradients of x and branch add.
template <class T, class B = typename T::backend_type>
tensor<B> residual(T& t, const tensor<B>& x, const tensor<B>& branch, const sequence_layout& layout,
                   const dropout_spec& dropout) {
  using view = matrix_view<const typename B::scalar>;
  if (x) {
    require_equal("ops::residual", "rows of the branch", branch->value.rows, x->value.rows);
    require_equal("ops::residual", "columns of the branch", branch->value.width, x->value.width);
  }
  if (dropout.active()) require_equal("ops::residual", "rows of the layout", layout.rows, branch->value.rows);
  tensor<B> y = t.make(branch->value.rows, branch->value.width, branch->value.live,
                       branch->needs_gradient || (x && x->needs_gradient));
  if (dropout.active() && layout.gaps) memory<B>::zero(y->value.data, y->bytes());
  kernels<B>::residual(t.device(), x ? view(x->value) : view{}, branch->value, layout, dropout, y->value);
  if constexpr (T::records)
    t.record(y, [gx = sink_of<B>(x), gb = sink_of<B>(branch), layout, dropout](T& on, view dy) {
      const bool gaps = dropout.active() && layout.gaps;
      if (gx.get() == gb.get()) {  // x + x: the second contribution must find the first
        kernels<B>::residual_vjp(on.device(), dy, layout, dropout, on.zeroed_gradient(gx), {});
        kernels<B>::residual_vjp(on.device(), dy, layout, dropout, {}, on.zeroed_gradient(gb));
        return;
      }
      kernels<B>::residual_vjp(on.device(), dy, layout, dropout, gaps ? on.zeroed_gradient(gx) : on.gradient(gx),
                               gaps ? on.zeroed_gradient(gb) : on.gradient(gb));
    });
  return y;
}

template <class T, class U, int W, int K>
var<T, W> residual(T& t, const var<T, W>& x, const var<U, K>& branch, const sequence_layout& layout,
                   const dropout_spec& dropout) {
  static_assert(same_tape<U, T>());
  static_assert(same_width<K, W>());
  return var<T, W>(residual(t, x.ref(), branch.ref(), layout, dropout));
}

// x + y.
template <class T, class U, int W, int K>
var<T, W> add(T& t, const var<T, W>& x, const var<U, K>& y) {
  static_assert(same_tape<U, T>());
  static_assert(same_width<K, W>());
  return var<T, W>(residual(t, x.ref(), y.ref(), sequence_layout{}, dropout_spec{}));
}

// dropout(x).
template <class T, int W>
var<T, W> dropout(T& t, const var<T, W>& x, const sequence_layout& layout, const dropout_spec& spec) {
  if (!spec.active()) return x;
  return var<T, W>(residual(t, {}, x.ref(), layout, spec));
}

}  // namespace blip::inline BLIP_ABI::ops
