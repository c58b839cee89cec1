// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/autograd/tape.hpp"
#include "blip/backend/kernels.hpp"

namespace blip::inline BLIP_ABI::ops {

namespace detail {

// Copies x into a range of y that nobody else writes, and its gradient back.
template <class T, class B = typename T::backend_type>
void copy_into(T& t, const tensor<B>& x, const tensor<B>& y, int row, int column) {
  const int width = x->value.width, rows = x->value.rows;
  const auto part = [=](auto m) {
    m = {m.row(row), rows, m.width, m.stride, nullptr};
    return m.columns(column, width);
  };
  kernels<B>::copy_columns(t.device(), x->value, part(y->value));
  if constexpr (T::records)
    t.record(y, [gx = sink_of<B>(x), part](T& on, matrix_view<const typename B::scalar> dy) {
      if (gx) kernels<B>::copy_columns_vjp(on.device(), part(dy), on.gradient(gx));
    });
}

}  // namespace detail

// The rows of a, then the rows of b.  a [n, W], b [m, W], y [n + m, W]. Gradients add.
template <class T, class U, int W, int K>
var<T, W> concat_rows(T& t, const var<T, W>& a, const var<U, K>& b) {
  static_assert(same_tape<U, T>());
  static_assert(same_width<K, W>());
  if (a.ref()->value.live || b.ref()->value.live)
    throw shape_error({"ops::concat_rows", "matrices whose rows are all in use", "a run-time number of rows", {}});
  auto y = t.make(a.rows() + b.rows(), W, nullptr, a.ref()->needs_gradient || b.ref()->needs_gradient);
  detail::copy_into(t, a.ref(), y, 0, 0);
  detail::copy_into(t, b.ref(), y, a.rows(), 0);
  return var<T, W>(std::move(y));
}

// Each row of a followed by the same row of b.  a [n, V], b [n, W], y [n, V + W]. Gradients add.
template <class T, int V, int W>
var<T, V + W> concat_columns(T& t, const var<T, V>& a, const var<T, W>& b) {
  require_equal("ops::concat_columns", "rows of the second matrix", b.rows(), a.rows());
  auto y = t.make(a.rows(), V + W, nullptr, a.ref()->needs_gradient || b.ref()->needs_gradient);
  detail::copy_into(t, a.ref(), y, 0, 0);
  detail::copy_into(t, b.ref(), y, 0, V);
  return var<T, V + W>(std::move(y));
}

}  // namespace blip::inline BLIP_ABI::ops
