// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>

#include "blip/layers/attention.hpp"
#include "blip/layers/cached_keys.hpp"
#include "blip/layers/cross_input.hpp"
#include "blip/layers/layer_norm.hpp"
#include "blip/layers/mlp.hpp"
#include "blip/layers/seen_attention.hpp"
#include "blip/layers/twin_attention.hpp"
#include "blip/ops/residual.hpp"

namespace blip::inline BLIP_ABI {

enum class norm_order { before, after };  // before: ViT; after: BERT

struct block_config {
  int width = 0, heads = 0, hidden = 0;
  int context = 0;  // width of what cross-attention reads; 0: no cross-attention
  norm_order norm = norm_order::before;
  bool twin = false;  // cross-attention reads two contexts, each by a branch of its own
};

struct block_options {
  double norm_eps = 1e-6;
  float dropout = 0;            // of each branch before it is added
  float attention_dropout = 0;  // of attention probabilities
  float drop_path = 0;          // of whole branches, one draw per sequence and branch
  bool merge = false;           // of twins: a product makes the two readings one, instead of their mean
};

namespace detail {

template <int Width, int Heads, int Hidden, int Context>
consteval bool block_rules() {
  static_assert(Width > 0, "blip::transformer_block: set block_config::width, positive");
  static_assert(Heads > 0, "blip::transformer_block: set block_config::heads, positive");
  static_assert(Hidden > 0, "blip::transformer_block: set block_config::hidden, positive");
  static_assert(divides(Heads, Width), "blip::transformer_block: width must be a multiple of heads");
  static_assert(Context >= 0, "blip::transformer_block: block_config::context is a width, or 0 for no cross-attention");
  return Width > 0 && Heads > 0 && Hidden > 0 && divides(Heads, Width) && Context >= 0;
}
template <int Got, int Expected>
consteval bool block_input_is() {
  static_assert(Got == Expected, "blip::transformer_block: the input's width is not block_config::width");
  return Got == Expected;
}

}  // namespace detail

// Self-attention, cross-attention (if context > 0 and one is given), MLP; each a residual branch with its own norm.
//   before:  x + branch(norm(x))       after:  norm(x + branch(x))
// x, y [n, width]. Whether self-attention is causal is an argument, so that encoder and decoder layers are one type.
// Source: ViT (Dosovitskiy et al. 2021) block, BERT layer with the cross-attention of ALBEF's and BLIP's text models.
template <block_config C, class B,
          bool = detail::block_rules<C.width, C.heads, C.hidden, C.context>() && detail::back_end_rules<B>()>
class transformer_block {};

template <block_config C, backend B>
class transformer_block<C, B, true> {
 public:
  static constexpr bool has_cross_attention = C.context > 0;
  static constexpr int width = C.width;

  [[gnu::cold]] explicit transformer_block(const block_options& o = {})
      : options_(o), norm1_(o.norm_eps), norm2_(o.norm_eps), attention_(o.attention_dropout), cross_(o) {}

  // `seen` gets what self-attention computed, if it is there.
  template <class T, int K>
  var<T, width> forward(T& t, const var<T, K>& x, const sequence_layout& layout, bool causal = false,
                        seen_attention<T>* seen = nullptr) const {
    static_assert(same_back_end<T, B>());
    static_assert(detail::block_input_is<K, C.width>());
    return feed_forward(t, self_attention(t, x, layout, causal, seen), layout);
  }
  template <class T, int K>
  var<T, width> forward(T& t, const var<T, K>& x, const sequence_layout& layout, bool causal,
                        const cross_input<T, width>& context) const {
    static_assert(same_back_end<T, B>());
    static_assert(has_cross_attention, "blip::transformer_block: no cross-attention; set block_config::context");
    static_assert(!C.twin, "blip::transformer_block: reads two contexts (block_config::twin); give both");
    static_assert(detail::block_input_is<K, C.width>());
    const var<T, width> h = self_attention(t, x, layout, causal);
    return feed_forward(t, cross_attention(t, h, layout, context), layout);
  }
  template <class T, int K>
  var<T, width> forward(T& t, const var<T, K>& x, const sequence_layout& layout, bool causal,
                        const cross_input<T, width>& first, const cross_input<T, width>& second) const {
    static_assert(same_back_end<T, B>());
    static_assert(C.twin, "blip::transformer_block: reads one context; set block_config::twin for two");
    static_assert(detail::block_input_is<K, C.width>());
    const var<T, width> h = self_attention(t, x, layout, causal);
    return feed_forward(t, cross_attention(t, h, layout, first, second), layout);
  }
  template <class T, class X>
  var<T, width> forward(T&, const X&, const sequence_layout&, bool = false) const {
    static_assert(accepts<T, X>());
    return {};
  }

  // What forward(), not causal, gives the first row of each sequence, [sequences, width]. The fused product makes
  // queries, keys and values of all rows; attention, what it reads of a context and the MLP are for these alone. For a
  // last layer of which nothing else is read.
  template <class T, int K, class... Context>
  var<T, width> forward_first(T& t, const var<T, K>& x, const sequence_layout& layout, const Context&... contexts) const {
    static_assert(same_back_end<T, B>());
    static_assert(detail::block_input_is<K, C.width>());
    const sequence_layout firsts = layout.firsts();
    const var<T, width> h =
        branch(t, ops::first_rows(t, x, layout), x, norm1_, attention_, firsts,
               [&](const var<T, width>& rows) { return attention_.forward_first(t, rows, layout); },
               [&](const auto& part, const var<T, width>& rows) { return part.heads_first(t, rows, layout); });
    return rest(t, h, firsts, contexts...);
  }

  // The same, causal, for rows that continue sequences: what came before them is in the cache, where they go too.
  template <class T, int K, class... Context>
  var<T, width> extend(T& t, const var<T, K>& x, const sequence_layout& layout, const cached_keys<T, width>& cache,
                       const Context&... contexts) const {
    static_assert(same_back_end<T, B>());
    static_assert(detail::block_input_is<K, C.width>());
    return rest(t, self_attention(t, x, layout, cache), layout, contexts...);
  }

  // Keys and values of context rows for this layer's cross-attention.
  template <class T, int K>
  var<T, 2 * width> project(T& t, const var<T, K>& context) const {
    static_assert(has_cross_attention, "blip::transformer_block: no cross-attention; set block_config::context");
    return cross_.attention.project(t, context);
  }
  // The same of twins, for branch 0 or 1.
  template <class T, int K>
  var<T, 2 * width> project(T& t, const var<T, K>& context, int branch) const {
    static_assert(C.twin, "blip::transformer_block: reads one context; set block_config::twin for two");
    return cross_.attention.project(t, context, branch);
  }

  // Key and value projections of cross-attention, to be shared between layers.
  auto& context_projections() { return cross_.attention.context_projections(); }

  template <class Self, class F>
  [[gnu::cold]] static void members(Self& self, F&& f) {
    if constexpr (C.norm == norm_order::before) {
      f("norm1", self.norm1_);
      f("attn", self.attention_);
      if constexpr (has_cross_attention) {
        f("norm_cross", self.cross_.norm);
        f("cross_attn", self.cross_.attention);
      }
      f("norm2", self.norm2_);
      f("mlp", self.mlp_);
    } else {
      f("attention", self.attention_);
      f("attention.output.LayerNorm", self.norm1_);
      if constexpr (has_cross_attention) {
        f("crossattention", self.cross_.attention);
        f("crossattention.output.LayerNorm", self.cross_.norm);
      }
      f("", self.mlp_);
      f("output.LayerNorm", self.norm2_);
    }
  }

 private:
  static constexpr naming names = C.norm == norm_order::before ? naming::timm : naming::bert;
  struct with_cross {
    static constexpr attention_config config{C.width, C.heads, C.context, names};
    using attention_type = std::conditional_t<C.twin, twin_attention<config, B>, blip::attention<config, B>>;

    explicit with_cross(const block_options& o) : norm(o.norm_eps), attention(make(o)) {}
    static attention_type make(const block_options& o) {
      if constexpr (C.twin)
        return attention_type(o.attention_dropout, o.merge);
      else
        return attention_type(o.attention_dropout);
    }
    layer_norm<width, B> norm;
    attention_type attention;
  };
  struct without_cross {
    explicit without_cross(const block_options&) {}
  };

  // One residual branch, of rows `x` that is computed from `rows`, which `part` ends; dropout draws at the address of the
  // branch's last weight. Where the back end takes that product, the sum and the norm in one call, `before_output` gives
  // what the product reads.
  template <class T, class Part, class Branch, class BeforeOutput>
  var<T, width> branch(T& t, const var<T, width>& x, const var<T, width>& rows, const layer_norm<width, B>& norm,
                       const Part& part, const sequence_layout& layout, Branch&& compute,
                       BeforeOutput&& before_output) const {
    const dropout_spec dropout = t.dropout(options_.dropout, part.output_weight(), options_.drop_path);
    if constexpr (C.norm == norm_order::after && ops::joins_norms<T> && requires { part.output(); })
      if (!dropout.active()) return norm.of_sum(t, x, part.output(), before_output(part, rows));
    if constexpr (C.norm == norm_order::before)
      return ops::residual(t, x, compute(norm.forward(t, rows)), layout, dropout);
    else
      return norm.forward(t, ops::residual(t, x, compute(rows), layout, dropout));
  }

  // `reach`: whether it is causal, and who looks at it; or the cache of what came before.
  template <class T, class... Reach>
  var<T, width> self_attention(T& t, const var<T, width>& x, const sequence_layout& layout, const Reach&... reach) const {
    return branch(
        t, x, x, norm1_, attention_, layout,
        [&](const var<T, width>& h) { return attention_.forward(t, h, layout, reach...); },
        [&](const auto& part, const var<T, width>& h) { return part.heads(t, h, layout, reach...); });
  }
  template <class T, class... Context>
  var<T, width> cross_attention(T& t, const var<T, width>& x, const sequence_layout& layout, const Context&... c) const {
    return branch(
        t, x, x, cross_.norm, cross_.attention, layout,
        [&](const var<T, width>& h) { return cross_.attention.read(t, h, layout, c...); },
        [&](const auto& part, const var<T, width>& h) { return part.heads(t, h, layout, c...); });
  }
  template <class T>
  var<T, width> feed_forward(T& t, const var<T, width>& x, const sequence_layout& layout) const {
    return branch(
        t, x, x, norm2_, mlp_, layout, [&](const var<T, width>& h) { return mlp_.forward(t, h); },
        [&](const auto& part, const var<T, width>& h) { return part.hidden(t, h); });
  }

  // What follows self-attention.
  template <class T, class... Context>
  var<T, width> rest(T& t, const var<T, width>& h, const sequence_layout& layout, const Context&... contexts) const {
    if constexpr (sizeof...(Context) == 0)
      return feed_forward(t, h, layout);
    else
      return feed_forward(t, cross_attention(t, h, layout, contexts...), layout);
  }

  block_options options_;
  layer_norm<width, B> norm1_, norm2_;
  blip::attention<attention_config{C.width, C.heads, 0, names}, B> attention_;
  [[no_unique_address]] std::conditional_t<has_cross_attention, with_cross, without_cross> cross_;
  mlp<mlp_config{C.width, C.hidden, names}, B> mlp_;
};

}  // namespace blip::inline BLIP_ABI
