// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <type_traits>

#include "blip/layers/cached_keys.hpp"
#include "blip/layers/cross_input.hpp"
#include "blip/layers/linear.hpp"
#include "blip/layers/linear_group.hpp"
#include "blip/layers/mlp.hpp"
#include "blip/layers/seen_attention.hpp"
#include "blip/ops/attend_cached.hpp"
#include "blip/ops/start_gradient.hpp"

namespace blip::inline BLIP_ABI {

struct attention_config {
  int width = 0, heads = 0;
  int context = 0;  // width of the rows that keys and values come from; 0: self-attention
  naming names = naming::timm;
};

namespace detail {

// Width / heads without a remainder; true where there are no heads, which has a sentence of its own.
constexpr bool divides(int heads, int width) { return heads <= 0 || width % heads == 0; }

template <int Width, int Heads, int Context>
consteval bool attention_rules() {
  static_assert(Width > 0, "blip::attention: set attention_config::width, positive");
  static_assert(Heads > 0, "blip::attention: set attention_config::heads, positive");
  static_assert(divides(Heads, Width), "blip::attention: width must be a multiple of heads");
  static_assert(Context >= 0, "blip::attention: attention_config::context is a width, or 0 for self-attention");
  return Width > 0 && Heads > 0 && divides(Heads, Width) && Context >= 0;
}
template <int Got, int Expected>
consteval bool attention_input_is() {
  static_assert(Got == Expected, "blip::attention: the input's width is not attention_config::width");
  return Got == Expected;
}
template <int Got, int Expected>
consteval bool attention_context_is() {
  static_assert(Got == Expected, "blip::attention: the context's width is not attention_config::context");
  return Got == Expected;
}
template <int Got, int Expected>
consteval bool attention_projected_is() {
  static_assert(Got == Expected, "blip::attention: `projected` is not what project(context) gave: [m, 2 width]");
  return Got == Expected;
}

}  // namespace detail

// Multi-head attention with its output projection:  y = W_o concat_h softmax(q_h k_h^T / sqrt d) v_h + b_o.
// Self-attention (context 0): keys and values are rows of x. Cross-attention: they are rows of another matrix, projected
// once (`project`) and read by any number of queries (`read`).  x, y [n, width]; context [m, context].
// Parameters: one fused weight for query, key and value ([3 width, width], or [width, width] and [2 width, context]).
// Source: "Attention is all you need" 3.2.2.
template <attention_config C, class B,
          bool = detail::attention_rules<C.width, C.heads, C.context>() && detail::back_end_rules<B>()>
class attention {};

template <attention_config C, backend B>
class attention<C, B, true> {
  static constexpr bool cross = C.context > 0;
  static constexpr bool bert = C.names == naming::bert;
  static constexpr int source_width = cross ? C.context : C.width;

 public:
  explicit attention(float dropout = 0) : dropout_(dropout) {}

  // Self-attention within each sequence; causal is right-aligned. `seen` gets what it computed, if it is there.
  template <class T, int K>
  var<T, C.width> forward(T& t, const var<T, K>& x, const sequence_layout& layout, bool causal = false,
                          seen_attention<T>* seen = nullptr) const {
    return output_.forward(t, heads(t, x, layout, causal, seen));
  }
  // What the output projection reads: concat_h softmax(q_h k_h^T / sqrt d) v_h; for those who go on with that product.
  template <class T, int K>
  var<T, C.width> heads(T& t, const var<T, K>& x, const sequence_layout& layout, bool causal = false,
                        seen_attention<T>* seen = nullptr) const {
    static_assert(same_back_end<T, B>());
    static_assert(!cross, "blip::attention: this is cross-attention; call project(context) once and read(x, ...)");
    static_assert(detail::attention_input_is<K, C.width>());
    auto qkv = fused_.forward(t, x);
    if (seen) qkv = ops::start_gradient(t, qkv);
    const attention_spec how = spec(t, causal);
    const auto y = ops::attend_self<C.width>(t, qkv, layout, how);
    if (seen) *seen = {{qkv.ref(), qkv.ref(), 0, C.width, 2 * C.width}, scores<T>(y.ref()), how};
    return y;
  }
  template <class T, class X>
  var<T, C.width> forward(T&, const X&, const sequence_layout&, bool = false) const {
    static_assert(accepts<T, X>());
    return {};
  }

  // What forward(), not causal, gives the first row of each sequence: [sequences, width].
  template <class T, int K>
  var<T, C.width> forward_first(T& t, const var<T, K>& x, const sequence_layout& layout) const {
    return output_.forward(t, heads_first(t, x, layout));
  }
  template <class T, int K>
  var<T, C.width> heads_first(T& t, const var<T, K>& x, const sequence_layout& layout) const {
    static_assert(same_back_end<T, B>());
    static_assert(!cross, "blip::attention: this is cross-attention; call project(context) once and read(x, ...)");
    static_assert(detail::attention_input_is<K, C.width>());
    return ops::attend_first<C.width>(t, fused_.forward(t, x), layout, spec(t, false));
  }

  // The same, causal, of rows that continue sequences: what came before them is in the cache, where they go too.
  template <class T, int K>
  var<T, C.width> forward(T& t, const var<T, K>& x, const sequence_layout& layout,
                          const cached_keys<T, C.width>& cache) const {
    return output_.forward(t, heads(t, x, layout, cache));
  }
  template <class T, int K>
  var<T, C.width> heads(T& t, const var<T, K>& x, const sequence_layout& layout,
                        const cached_keys<T, C.width>& cache) const {
    static_assert(same_back_end<T, B>());
    static_assert(!cross, "blip::attention: this is cross-attention; call project(context) once and read(x, ...)");
    static_assert(detail::attention_input_is<K, C.width>());
    return ops::attend_cached<C.width>(t, fused_.forward(t, x), layout, cache.rows, cache.places, cache.layout,
                                       spec(t, true));
  }

  // Keys and values of context rows [m, context]: [key | value], [m, 2 width].
  template <class T, int K>
  var<T, 2 * C.width> project(T& t, const var<T, K>& context) const {
    static_assert(same_back_end<T, B>());
    static_assert(cross, "blip::attention: self-attention has no context; set attention_config::context");
    static_assert(detail::attention_context_is<K, C.context>());
    return fused_.forward(t, context);
  }
  // Attends from x to projected context rows; `source` says which context sequence each query sequence reads.
  // `packed`: they are what ops::packed_keys made of them.
  template <class T, int K, int P>
  var<T, C.width> read(T& t, const var<T, K>& x, const var<T, P>& projected, const sequence_layout& layout,
                       const sequence_layout& context, source_index source = nullptr, seen_attention<T>* seen = nullptr,
                       bool packed = false) const {
    return output_.forward(t, heads(t, x, projected, layout, context, source, seen, packed));
  }
  template <class T, int K, int P>
  var<T, C.width> heads(T& t, const var<T, K>& x, const var<T, P>& projected, const sequence_layout& layout,
                        const sequence_layout& context, source_index source = nullptr,
                        seen_attention<T>* seen = nullptr, bool packed = false) const {
    static_assert(same_back_end<T, B>());
    static_assert(cross, "blip::attention: self-attention has no context; set attention_config::context");
    static_assert(detail::attention_input_is<K, C.width>());
    static_assert(detail::attention_projected_is<P, 2 * C.width>());
    const auto kv = seen ? ops::start_gradient(t, projected) : projected;
    const auto q = query_.forward(t, x);
    attention_spec how = spec(t, false);
    how.packed_keys = packed;
    const auto y = ops::attend_cross<C.width>(t, q, kv, layout, context, source, how);
    if (seen) *seen = {{q.ref(), kv.ref(), 0, 0, C.width}, scores<T>(y.ref()), how};
    return y;
  }

  template <class T, int K>
  var<T, C.width> read(T& t, const var<T, K>& x, const sequence_layout& layout, const cross_input<T, C.width>& c) const {
    return read(t, x, c.projected, layout, c.layout, c.source, c.seen, c.packed);
  }
  template <class T, int K>
  var<T, C.width> heads(T& t, const var<T, K>& x, const sequence_layout& layout, const cross_input<T, C.width>& c) const {
    return heads(t, x, c.projected, layout, c.layout, c.source, c.seen, c.packed);
  }

  const linear<linear_config{.in = C.width, .out = C.width}, B>& output() const { return output_; }
  const parameter& output_weight() const { return output_.weight(); }
  auto& context_projections() { return fused_; }

  template <class Self, class F>
  static void members(Self& self, F&& f) {
    if constexpr (cross) f(bert ? "self.query" : "q", self.query_);
    f(bert ? "self" : cross ? "kv" : "qkv", self.fused_);
    f(bert ? "output.dense" : "proj", self.output_);
  }

 private:
  template <class T>
  attention_spec spec(const T& t, bool causal) const {
    return {C.heads, 1 / std::sqrt(static_cast<double>(C.width / C.heads)), causal,
            t.dropout(dropout_, fused_.weight())};
  }

  static constexpr group_names names =
      !bert ? group_names::fused : cross ? group_names::key_value : group_names::query_key_value;
  struct no_query {};

  float dropout_;
  [[no_unique_address]] std::conditional_t<cross, linear<linear_config{.in = C.width, .out = C.width}, B>, no_query> query_;
  linear_group<source_width, C.width, cross ? 2 : 3, names, B> fused_;
  linear<linear_config{.in = C.width, .out = C.width}, B> output_;
};

}  // namespace blip::inline BLIP_ABI
