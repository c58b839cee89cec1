// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/autograd/tape.hpp"
#include "blip/backend/kernels.hpp"
#include "blip/ops/first_rows.hpp"

namespace blip::inline BLIP_ABI::ops {

// Where the queries, keys and values of an attention are: columns of one or two matrices. Column numbers let a fused
// query/key/value projection be read in place.
template <class B>
struct attention_inputs {
  tensor<B> queries, keys;  // keys also holds the values
  int query_column = 0, key_column = 0, value_column = 0;
};

// y_i = sum_j p_ij f_ij v_j,  p = softmax_j(scale q_i k_j) over the keys of the source sequence, f the dropout factor.
// queries [n, .], keys and values [m, .], y [n, width]; head h has columns [h d, (h + 1) d), d = width / heads.
// `source` names the key sequence of each query sequence (null: the one of the same number); causal is right-aligned.
// Scores are streamed: no [heads, n, m] matrix ever exists. Keeps the inputs, y and one number per row and head. With
// attention_spec::packed_keys, the keys are what packed_keys() gave, and there are no gradients.
// Source: "Attention is all you need" 3.2; the streaming of Milakov & Gimelshein 2018 and Dao et al. 2022.
template <class T, class B = typename T::backend_type>
tensor<B> attend(T& t, const attention_inputs<B>& in, int width, const sequence_layout& queries,
                 const sequence_layout& keys, source_index source, const attention_spec& spec) {
  using view = matrix_view<const typename B::scalar>;
  require_equal("ops::attend", "rows of the queries", in.queries->value.rows, queries.rows);
  if (!spec.packed_keys) require_equal("ops::attend", "rows of the keys", in.keys->value.rows, keys.rows);
  if (!source) require_equal("ops::attend", "key sequences", keys.sequences, queries.sequences);
  tensor<B> y = t.make(queries.rows, width, in.queries->value.live,
                       in.queries->needs_gradient || in.keys->needs_gradient);
  if (queries.gaps) memory<B>::zero(y->value.data, y->bytes());
  tensor<B> lse;
  if (y->needs_gradient) lse = t.make(queries.rows, spec.heads, y->value.live, false);
  const auto parts = [width](const attention_inputs<B>& i, auto f) {
    const view q = i.queries->value, k = i.keys->value;
    f(q.columns(i.query_column, width), k.columns(i.key_column, width), k.columns(i.value_column, width));
  };
  parts(in, [&](view q, view k, view v) {
    kernels<B>::attention(t.device(), q, k, v, queries, keys, source, spec, y->value,
                          lse ? lse->value : matrix_view<typename B::scalar>{});
  });
  if constexpr (T::records)
    // Holds y through its value only: its own gradient place is the record's.
    t.record(y, [in, gq = sink_of<B>(in.queries), gk = sink_of<B>(in.keys), y, lse, parts, width, queries, keys, source,
                 spec](T& on, view dy) {
      using grad = gradient_view<typename B::scalar>;
      const auto place = [&on](const sink<B>& s, bool gaps) { return gaps ? on.zeroed_gradient(s) : on.gradient(s); };
      // Columns that are not read have no gradient.
      const bool one = in.keys.get() == in.queries.get();
      const int own = in.queries->value.width, read = in.keys->value.width;
      const grad whole_q = place(gq, queries.gaps || own > (one ? 3 : 1) * width);
      const grad whole_k = one ? whole_q : place(gk, keys.gaps || read > 2 * width);
      const auto part = [width](const grad& g, int column) { return g ? g.columns(column, width) : grad{}; };
      parts(in, [&](view q, view k, view v) {
        kernels<B>::attention_vjp(on.device(), q, k, v, queries, keys, source, spec, y->value, lse->value, dy,
                                  part(whole_q, in.query_column), part(whole_k, in.key_column),
                                  part(whole_k, in.value_column));
      });
    });
  return y;
}

// Whether a back end has a form of its own for keys and values that are read many times.
template <class B>
inline constexpr bool packs_keys = requires(device<B>& d) {
  kernels<B>::packed_keys_size(d, sequence_layout{}, 1, 1);
};

// Keys and values [m, 2 W] in that form, in a matrix of as many rows as it takes, or as they are where the back end has
// none for heads like these; for inference.
template <int W, class T, class B = typename T::backend_type>
var<T, 2 * W> packed_keys(T& t, const var<T, 2 * W>& kv, const sequence_layout& keys, int heads) {
  static_assert(!T::records && packs_keys<B>);
  require_equal("ops::packed_keys", "rows of the keys", kv.rows(), keys.rows);
  const auto size = static_cast<int>(kernels<B>::packed_keys_size(t.device(), keys, heads, W));
  if (size == 0) return kv;
  tensor<B> y = t.make((size + 2 * W - 1) / (2 * W), 2 * W, nullptr, false);
  kernels<B>::pack_keys(t.device(), kv.view().columns(0, W), kv.view().columns(W, W), keys, heads, y->value.data);
  return var<T, 2 * W>(y);
}

// Self-attention over a fused projection [query | key | value].
template <int W, class T, int K>
var<T, W> attend_self(T& t, const var<T, K>& qkv, const sequence_layout& layout, const attention_spec& spec) {
  static_assert(same_width<K, 3 * W>());
  return var<T, W>(attend(t, {qkv.ref(), qkv.ref(), 0, W, 2 * W}, W, layout, layout, nullptr, spec));
}

// What attend_self gives the first row of each sequence.  qkv [n, 3 W], y [sequences, W].
template <int W, class T, int K>
var<T, W> attend_first(T& t, const var<T, K>& qkv, const sequence_layout& layout, const attention_spec& spec) {
  static_assert(same_width<K, 3 * W>());
  const auto first = first_rows(t, qkv, layout);
  return var<T, W>(attend(t, {first.ref(), qkv.ref(), 0, W, 2 * W}, W, layout.firsts(), layout, nullptr, spec));
}

// Attention of queries to a fused projection [key | value] of other rows.
template <int W, class T, int Q, int K>
var<T, W> attend_cross(T& t, const var<T, Q>& q, const var<T, K>& kv, const sequence_layout& queries,
                       const sequence_layout& keys, source_index source, const attention_spec& spec) {
  static_assert(same_width<Q, W>());
  static_assert(same_width<K, 2 * W>());
  return var<T, W>(attend(t, {q.ref(), kv.ref(), 0, 0, W}, W, queries, keys, source, spec));
}

}  // namespace blip::inline BLIP_ABI::ops
