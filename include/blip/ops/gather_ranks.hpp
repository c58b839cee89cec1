// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/autograd/tape.hpp"
#include "blip/backend/kernels.hpp"
#include "blip/core/communicator.hpp"
#include "blip/ops/int_array.hpp"

namespace blip::inline BLIP_ABI::ops {

// The rows of every rank, in rank order.  x [n, W], y [ranks n, W]; n is the same everywhere. A row's gradient is the sum
// of what all ranks have for it. With one rank, x itself. Throws shape_error for a matrix with gaps.
// Source: the gather with gradient of BLIP's retrieval fine-tune, `blip_retrieval.py`.
template <class T, int W, class B = typename T::backend_type>
var<T, W> gather_ranks(T& t, const var<T, W>& x, communicator<B>& ranks) {
  if (ranks.ranks() == 1) return x;
  if (x.ref()->value.live || x.ref()->value.stride != W)
    throw shape_error({"ops::gather_ranks", "a dense matrix whose rows are all in use", "another", {}});
  tensor<B> y = t.make(x.rows() * ranks.ranks(), W, nullptr, x.ref()->needs_gradient);
  ranks.all_gather(x.view().data, y->value.data, x.ref()->bytes());
  if constexpr (T::records)
    t.record(y, [gx = sink_of<B>(x.ref()), &ranks, rows = x.rows()](T& on, matrix_view<const typename B::scalar> dy) {
      const tensor<B> sum = on.make(rows, W, nullptr, false);
      ranks.reduce_scatter(dy.data, sum->value.data, sum->bytes() / sizeof(typename B::scalar));
      kernels<B>::copy_columns_vjp(on.device(), sum->value, on.gradient(gx));
    });
  return var<T, W>(std::move(y));
}

// The integers of every rank, in rank order: own [n], the result [ranks n], alive as long as the tape's record. With one
// rank, `own` itself.
template <class T, class B = typename T::backend_type>
const int* gather_ranks(T& t, const int* own, int n, communicator<B>& ranks) {
  if (ranks.ranks() == 1) return own;
  int* const all = kept_ints(t, n * ranks.ranks());
  ranks.all_gather(own, all, static_cast<std::size_t>(n) * sizeof(int));
  return all;
}

}  // namespace blip::inline BLIP_ABI::ops
