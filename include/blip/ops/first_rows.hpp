// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/core/sequence_layout.hpp"
#include "blip/ops/gather_rows.hpp"

namespace blip::inline BLIP_ABI::ops {

// The first row of each sequence: y_s = x[begin of s].  x [n, W], y [sequences, W]. The gradient adds to these rows.
template <class T, int W, class B = typename T::backend_type>
var<T, W> first_rows(T& t, const var<T, W>& x, const sequence_layout& layout) {
  require_equal("ops::first_rows", "rows of the matrix", x.rows(), layout.rows);
  if (layout.begins) return gather_rows(t, x, layout.begins, layout.sequences);
  // Sequences one step apart need no index.
  const auto part = [sequences = layout.sequences, step = layout.step](auto m) {
    m.rows = sequences, m.stride *= step, m.live = nullptr;
    return m;
  };
  tensor<B> y = t.make(layout.sequences, W, nullptr, x.ref()->needs_gradient);
  kernels<B>::copy_columns(t.device(), part(x.view()), y->value);
  if constexpr (T::records)
    t.record(y, [gx = sink_of<B>(x.ref()), part](T& on, matrix_view<const typename B::scalar> dy) {
      kernels<B>::copy_columns_vjp(on.device(), dy, part(on.zeroed_gradient(gx)));
    });
  return var<T, W>(std::move(y));
}

}  // namespace blip::inline BLIP_ABI::ops
