// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/ops/attend.hpp"

namespace blip::inline BLIP_ABI::ops {

// Causal self-attention of rows that continue sequences, over a fused projection [query | key | value]: their keys and
// values go to rows `places` [n] of the cache [m, 2 W] = [key | value], and are read from there with those of the rows
// before them. `keys` says where each sequence lies in the cache, its new rows included.  qkv [n, 3 W], y [n, W].
// Each row has the bits that attend_self(..., causal) gives it among the whole sequence. For inference only.
template <int W, class T, int K, int C, class B = typename T::backend_type>
var<T, W> attend_cached(T& t, const var<T, K>& qkv, const sequence_layout& queries, const var<T, C>& cache,
                        const int* places, const sequence_layout& keys, attention_spec spec) {
  static_assert(!T::records, "blip::ops::attend_cached: a cache has no gradients; use an inference_tape");
  static_assert(same_width<K, 3 * W>());
  static_assert(same_width<C, 2 * W>());
  spec.causal = true;
  if constexpr (requires { &kernels<B>::attention_appending; }) {
    require_equal("ops::attend_cached", "rows of the queries", qkv.rows(), queries.rows);
    require_equal("ops::attend_cached", "key sequences", keys.sequences, queries.sequences);
    tensor<B> y = t.make(queries.rows, W, qkv.ref()->value.live, false);
    if (queries.gaps) memory<B>::zero(y->value.data, y->bytes());
    kernels<B>::attention_appending(t.device(), qkv.view(), places, cache.ref()->value, queries, keys, spec, y->value);
    return var<T, W>(std::move(y));
  } else {
    kernels<B>::scatter_rows(t.device(), qkv.view().columns(W, 2 * W), places, cache.ref()->value);
    return var<T, W>(attend(t, {qkv.ref(), cache.ref(), 0, 0, W}, W, queries, keys, nullptr, spec));
  }
}

}  // namespace blip::inline BLIP_ABI::ops
