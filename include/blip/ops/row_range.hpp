// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "blip/autograd/tape.hpp"
#include "blip/backend/kernels.hpp"

namespace blip::inline BLIP_ABI::ops {

// Rows first ... first + rows - 1 of x, in place: nothing is copied.  x [n, W], y [rows, W]. The gradient adds to these
// rows. Throws shape_error when x has fewer rows, or a number of them in use that a sample decided.
template <class T, int W, class B = typename T::backend_type>
var<T, W> row_range(T& t, const var<T, W>& x, int first, int rows) {
  if (first < 0 || rows < 0 || first + rows > x.rows())
    throw shape_error({"ops::row_range: rows", "within the " + std::to_string(x.rows()) + " of the matrix",
                       std::to_string(first) + " to " + std::to_string(first + rows), {}});
  if (x.ref()->value.live)
    throw shape_error({"ops::row_range", "a matrix whose rows are all in use", "a run-time number of rows", {}});
  const auto part = [first, rows](auto m) {
    m.data = m.row(first), m.rows = rows;
    return m;
  };
  tensor<B> y = t.shown(x.ref(), part(x.ref()->value));
  if constexpr (T::records)
    t.record(y, [gx = sink_of<B>(x.ref()), part](T& on, matrix_view<const typename B::scalar> dy) {
      kernels<B>::copy_columns_vjp(on.device(), dy, part(on.zeroed_gradient(gx)));
    });
  return var<T, W>(std::move(y));
}

}  // namespace blip::inline BLIP_ABI::ops
