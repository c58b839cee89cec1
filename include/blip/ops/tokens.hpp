// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/autograd/tape.hpp"
#include "blip/backend/kernels.hpp"

namespace blip::inline BLIP_ABI::ops {

// Makes sequences of patches: puts the class row in front (if there is one) and adds the position table.
// x [S N, W], first [W] or null, table [from.rows(), W], y [S (N + 1), W] (or [S N, W]). When the pictures' grid is not
// the table's, the table is resized bicubically on the way (Keys a = -0.75, half-pixel centres, border clamped, no
// antialias, prefix rows kept), and its gradient comes back through the resize.
template <class T, class B = typename T::backend_type>
tensor<B> tokens(T& t, const tensor<B>& x, const parameter* first, const parameter& table, position_grid from,
                 position_grid to, int sequences) {
  using S = typename B::scalar;
  using view = matrix_view<const S>;
  require_equal("ops::tokens", "rows of the position table", table.rows(), from.rows());
  require_equal("ops::tokens", "prefix rows", to.prefix, first ? 1 : 0);
  require_equal("ops::tokens", "rows of the patches", x->value.rows, static_cast<long long>(sequences) * to.height * to.width);
  const bool resized = from.height != to.height || from.width != to.width;
  const bool needs = x->needs_gradient || t.trains(table) || (first && t.trains(*first));
  tensor<B> y = t.make(sequences * to.rows(), x->value.width, nullptr, needs);
  tensor<B> positions;
  if (resized) {
    positions = t.make(to.rows(), x->value.width, nullptr, false);
    kernels<B>::resize_positions(t.device(), t.value(table), from, to, positions->value);
  }
  kernels<B>::tokens(t.device(), x->value, first ? t.value(*first) : view{},
                     resized ? view(positions->value) : t.value(table), sequences, y->value);
  if constexpr (T::records)
    t.record(y, [gx = sink_of<B>(x), first, &table, from, to, sequences, resized](T& on, view dy) {
      const gradient_view<S> dfirst = first ? on.gradient(*first) : gradient_view<S>{};
      const gradient_view<S> dtable = on.zeroed_gradient(table);
      if (!resized || !dtable) {
        kernels<B>::tokens_vjp(on.device(), dy, sequences, on.gradient(gx), dfirst, dtable, first != nullptr);
        return;
      }
      const tensor<B> d = on.make(to.rows(), dy.width, nullptr, false);
      memory<B>::zero(d->value.data, d->bytes());
      kernels<B>::tokens_vjp(on.device(), dy, sequences, on.gradient(gx), dfirst, {d->value, true}, first != nullptr);
      kernels<B>::resize_positions_vjp(on.device(), d->value, from, to, dtable);
    });
  return y;
}

template <class T, int W>
var<T, W> tokens(T& t, const var<T, W>& x, const parameter* first, const parameter& table, position_grid from,
                 position_grid to, int sequences) {
  return var<T, W>(tokens(t, x.ref(), first, table, from, to, sequences));
}

}  // namespace blip::inline BLIP_ABI::ops
