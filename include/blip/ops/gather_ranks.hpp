// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/autograd/tape.hpp"
#include "blip/backend/kernels.hpp"
#include "blip/core/communicator.hpp"

namespace blip::inline BLIP_ABI::ops {

// The rows of every rank, in rank order.  x [n, W], y [ranks n, W]; n is the same everywhere. A row's gradient is the sum
// of what all ranks have for it. With one rank, x itself.
template <class T, int W, class B = typename T::backend_type>
var<T, W> gather_ranks(T& t, const var<T, W>& x, communicator<B>& ranks) {
  if (ranks.ranks() == 1) return x;
  if (x.ref()->value.live || x.ref()->value.stride != W)
    throw shape_error({"ops::gather_ranks", "a dense matrix whose rows are all in use", "another", {}});
  tensor<B> y = t.make(x.rows() * ranks.ranks(), W, nullptr, x.ref()->needs_gradient);
  ranks.all_gather(x.view().data, y->value.data, x.ref()->bytes());
  if constexpr (T::records)
    t.record(y, [gx = sink_of<B>(x.ref()), &ranks, rows = x.rows()](T& on, matrix_view<const typename B::scalar> dy) {
      using S = typename B::scalar;
      const tensor<B> sum = on.make(dy.rows, W, nullptr, false);
      memory<B>::copy(sum->value.data, dy.data, sum->bytes());
      ranks.all_reduce(sum->value.data, sum->bytes() / sizeof(S));
      kernels<B>::copy_columns_vjp(on.device(), {sum->value.row(ranks.rank() * rows), rows, W, W, nullptr},
                                   on.gradient(gx));
    });
  return var<T, W>(std::move(y));
}

}  // namespace blip::inline BLIP_ABI::ops
