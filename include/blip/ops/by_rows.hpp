// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/autograd/tape.hpp"
#include "blip/backend/kernels.hpp"

namespace blip::inline BLIP_ABI::ops {

// y = f(tape, x) for an f that treats every row by itself. Where nothing is recorded and the back end asks for it, a few
// hundred rows at a time, so that what f makes in between stays in cache and small ("FFN chunking").
// x [n, K], y [n, W].
template <class T, int K, class F, class B = typename T::backend_type>
auto by_rows(T& t, const var<T, K>& x, F f) {
  using result = decltype(f(t, x));
  constexpr int most = rows_at_a_time<B>;
  const int rows = x.rows();
  if (T::records || most == 0 || rows <= most || x.ref()->value.live) return f(t, x);
  const int parts = (rows + most - 1) / most;
  const tensor<B> y = t.make(rows, result::width, nullptr, false);
  for (int part = 0; part < parts; ++part) {
    const int first = static_cast<int>(std::int64_t{rows} * part / parts);
    const int count = static_cast<int>(std::int64_t{rows} * (part + 1) / parts) - first;
    const auto view = x.view();
    const result some = f(t, t.template input<K>({view.row(first), count, K, view.stride, nullptr}));
    kernels<B>::copy_columns(t.device(), some.view(), {y->value.row(first), count, result::width, result::width, nullptr});
  }
  return result(y);
}

}  // namespace blip::inline BLIP_ABI::ops
