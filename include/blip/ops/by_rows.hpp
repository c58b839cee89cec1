// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "blip/autograd/tape.hpp"
#include "blip/backend/kernels.hpp"

namespace blip::inline BLIP_ABI::ops {

namespace detail {

// y = f(tape, rows of x from `bounds(part)` to `bounds(part + 1)`, part), part by part, each copied to where y has rows
// from `to(part)` on; y [rows, Width].
template <int Width, class T, int K, class Bounds, class To, class F, class B = typename T::backend_type>
var<T, Width> in_parts(T& t, const var<T, K>& x, int parts, Bounds bounds, int rows, To to, F f) {
  const tensor<B> y = t.make(rows, Width, nullptr, false);
  const auto view = x.view();
  for (int part = 0; part < parts; ++part) {
    const int first = bounds(part), count = bounds(part + 1) - first;
    const var<T, Width> some = f(t, t.template input<K>({view.row(first), count, K, view.stride, nullptr}), part);
    kernels<B>::copy_columns(t.device(), some.view(), {y->value.row(to(part)), some.rows(), Width, Width, nullptr});
  }
  return var<T, Width>(y);
}

// Rows that f should see at a time on tape T; 0: all of them.
template <class T>
inline constexpr int most_rows = T::records ? 0 : rows_at_a_time<typename T::backend_type>;

}  // namespace detail

// y = f(tape, x) for an f that treats every row by itself. Where nothing is recorded and the back end asks for it, a few
// hundred rows at a time, so that what f makes in between stays in cache and small ("FFN chunking").
// x [n, K], y [n, W].
template <class T, int K, class F>
auto by_rows(T& t, const var<T, K>& x, F f) {
  using result = decltype(f(t, x));
  if constexpr (constexpr int most = detail::most_rows<T>; most == 0) {
    return f(t, x);
  } else {
    const int rows = x.rows();
    if (rows <= most || x.ref()->value.live) return f(t, x);
    const int parts = (rows + most - 1) / most;
    const auto bounds = [=](int part) { return static_cast<int>(std::int64_t{rows} * part / parts); };
    return detail::in_parts<result::width>(t, x, parts, bounds, rows, bounds,
                                           [&](T& on, const var<T, K>& some, int) { return f(on, some); });
  }
}

// y = f(tape, x, layout) for an f that treats every sequence by itself: the same, for whole sequences of equal length.
// x [n, K], y [n, W]; with First f gives one row of each sequence, y [sequences, W].
template <bool First = false, class T, int K, class F>
auto by_sequences(T& t, const var<T, K>& x, const sequence_layout& layout, F f) {
  using result = decltype(f(t, x, layout));
  if constexpr (constexpr int most = detail::most_rows<T>; most == 0) {
    return f(t, x, layout);
  } else {
    const bool even = !layout.begins && !layout.lengths && !layout.gaps && !layout.live && !x.ref()->value.live;
    const int step = layout.step, sequences = layout.sequences;
    if (!even || layout.rows <= most || step == 0 || x.rows() != layout.rows) return f(t, x, layout);
    const int group = (most + step - 1) / step, parts = (sequences + group - 1) / group;
    const int given = First ? 1 : step;  // rows of a sequence
    return detail::in_parts<result::width>(
        t, x, parts, [=](int part) { return std::min(sequences, part * group) * step; }, sequences * given,
        [=](int part) { return part * group * given; }, [&](T& on, const var<T, K>& some, int part) {
          const int first = part * group;
          sequence_layout those = layout;
          those.sequences = std::min(group, sequences - first);
          those.rows = those.sequences * step;
          those.first_stream += first;
          if (those.positions) those.positions += first;
          if (those.streams) those.streams += first;
          return f(on, some, those);
        });
  }
}

}  // namespace blip::inline BLIP_ABI::ops
