// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "blip/autograd/checkpoint.hpp"
#include "blip/autograd/var_list.hpp"
#include "blip/config/text.hpp"
#include "blip/layers/embedding.hpp"
#include "blip/layers/transformer_block.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

template <int Width, int Heads, int Hidden, cross_schedule Cross, int Context,
          picture_reading Reading>
consteval bool text_rules() {
  constexpr bool cross = Cross != cross_schedule::none;
  static_assert(Width > 0, "blip::text_transformer: set text_config::width, positive");
  static_assert(Heads > 0, "blip::text_transformer: set text_config::heads, positive");
  static_assert(Hidden > 0, "blip::text_transformer: set text_config::hidden, positive");
  static_assert(divides(Heads, Width), "blip::text_transformer: width must be a multiple of heads");
  static_assert(!cross || Context > 0,
                "blip::text_transformer: cross-attention needs text_config::context, the width it reads");
  static_assert(cross || Context == 0, "blip::text_transformer: text_config::context is given but ::cross is none");
  static_assert(cross || Reading == picture_reading::one,
                "blip::text_transformer: text_config::reading says how pictures are read, but ::cross is none");
  return Width > 0 && Heads > 0 && Hidden > 0 && divides(Heads, Width) && (cross ? Context > 0 : Context == 0 && Reading == picture_reading::one);
}
template <int Got, int Expected>
consteval bool text_context_is() {
  static_assert(Got == Expected, "blip::text_transformer: the context's width is not text_config::context");
  return Got == Expected;
}
template <int Got, int Expected>
consteval bool text_states_are() {
  static_assert(Got == Expected, "blip::text_transformer: the states' width is not text_config::width");
  return Got == Expected;
}
template <int Got, int Expected>
consteval bool text_projected_for() {
  static_assert(Got == Expected, "blip::text_transformer: the context was projected for a tower of another width");
  return Got == Expected;
}

}  // namespace detail

// Context rows projected for every layer with cross-attention (for each of its branches where a layer reads two
// pictures): computed once, read by any number of texts. `watch` gets what the cross-attention of one layer of the tower
// computes, where layers read one picture.
template <class T, int W>
struct projected_context {
  var_list<T, 2 * W> layers;
  sequence_layout layout;
  watched_layer<T> watch{};
  bool packed = false;  // see text_transformer::packed
};

// BERT with optional cross-attention; text is packed (no padding rows).
//   text         ids, no context: all layers, or those before cross_from
//   fuse         given states and a context: the layers with cross-attention
//   multimodal   ids and a context: all layers
// and text_first, fuse_first, multimodal_first: of what these give, not causal, the first row of each text alone,
// [texts, width]. The last layer then asks about no other rows.
// Where texts read two pictures each (text_config::reading), the source index holds the first pictures of all texts, then
// the second ones; without one the first half of what project_pairs() projected are the first pictures, in order.
// each bidirectional or causal.  ids [n], states and results [n, width]; post-norm layers, so no norm at the end.
// Source: `xbert.py` (ALBEF: text layers, then fusion layers) and `med.py` (BLIP); names as in their checkpoints.
template <text_config C, class B,
          bool = detail::text_rules<C.width, C.heads, C.hidden, C.cross, C.context, C.reading>() && detail::back_end_rules<B>()>
class text_transformer {};

template <text_config C, backend B>
class text_transformer<C, B, true> {
 public:
  static constexpr int width = C.width;
  static constexpr bool has_cross_attention = C.cross != cross_schedule::none;

  [[gnu::cold]] explicit text_transformer(const text_options& o) : options_(o), embedding_(o.embedding) {
    const int first = C.cross == cross_schedule::none ? o.layers : C.cross == cross_schedule::all ? 0 : o.cross_from;
    if (o.layers < 1 || first < 0 || first > o.layers)
      throw config_error({"text_transformer: layers and cross_from", "at least one layer, cross_from within them",
                          std::to_string(o.layers) + " and " + std::to_string(o.cross_from), {}});
    block_options block{.norm_eps = o.norm_eps, .dropout = o.dropout, .attention_dropout = o.attention_dropout};
    for (int i = 0; i < first; ++i) plain_.emplace_back(block);
    if constexpr (C.reading == picture_reading::by_turns)
      if ((o.layers - first) % 2 != 0)
        throw config_error({"text_transformer: layers that read two pictures by turns", "an even number",
                            std::to_string(o.layers - first), {}});
    if constexpr (has_cross_attention)
      for (int i = first; i < o.layers; ++i) {
        block.merge = i >= o.merge_from;
        crossing_.emplace_back(block);
      }
  }

  template <class T>
  using states = var<T, width>;
  // Sees the input of the first layer run (i = -1) and what layer i gives.
  template <class T>
  using observer = std::type_identity_t<function_ref<void(int, const states<T>&)>>;

  template <class T>
  states<T> embed(T& t, const int* ids, const sequence_layout& layout) const {
    return embedding_.forward(t, ids, layout);
  }

  template <class T>
  states<T> text(T& t, const int* ids, const sequence_layout& layout, bool causal = false,
                 observer<T> observe = ignore<T>) const;

  template <class T>
  states<T> text_first(T& t, const int* ids, const sequence_layout& layout) const;

  // Keys and values of a context [m, context], for all layers with cross-attention; at once `packed`, if so wished.
  template <class T, int K>
  projected_context<T, width> project(T& t, const var<T, K>& context, const sequence_layout& layout,
                                      bool packed = false) const;

  // The same of the pictures of pairs, 2 n sequences of equal length: the n first ones, then the n second ones. Each layer
  // projects those that it reads.
  template <class T, int K>
  projected_context<T, width> project_pairs(T& t, const var<T, K>& context, const sequence_layout& layout) const;

  // A context for many reads without gradients (decoding): keys and values as the back end reads them fastest, in place
  // of those given, where it has such a form.
  template <class T>
  projected_context<T, width> packed(T& t, projected_context<T, width> context) const;

  template <class T, int K, int P>
  states<T> fuse(T& t, const var<T, K>& x, const sequence_layout& layout, const projected_context<T, P>& context,
                 source_index source = nullptr, bool causal = false, observer<T> observe = ignore<T>) const;

  template <class T, int P>
  states<T> multimodal(T& t, const int* ids, const sequence_layout& layout, const projected_context<T, P>& context,
                       source_index source = nullptr, bool causal = false, observer<T> observe = ignore<T>) const;

  template <class T, int K, int P>
  states<T> fuse_first(T& t, const var<T, K>& x, const sequence_layout& layout, const projected_context<T, P>& context,
                       source_index source = nullptr) const;
  template <class T, int P>
  states<T> multimodal_first(T& t, const int* ids, const sequence_layout& layout,
                             const projected_context<T, P>& context, source_index source = nullptr) const;

  // The cache of layer i (key_value_cache holds them).
  template <class T>
  using layer_cache = std::type_identity_t<function_ref<cached_keys<T, width>(int)>>;

  // multimodal(), causal, for rows that continue sequences: `ids` are the new ones, `layout` gives their first positions,
  // and what came before is in the caches, where they go too. Each row has the bits that it has among its whole sequence.
  template <class T, int P>
  states<T> extend(T& t, const int* ids, const sequence_layout& layout, layer_cache<T> cache,
                   const projected_context<T, P>& context, source_index source = nullptr) const;

  int layers() const { return static_cast<int>(plain_.size() + crossing_.size()); }
  int positions() const { return options_.embedding.positions; }
  int cross_from() const { return static_cast<int>(plain_.size()); }
  int vocabulary() const { return embedding_.vocabulary(); }
  const parameter& words() const { return embedding_.words(); }
  parameter& words() { return embedding_.words(); }

  // Layers that take turns share the projections of what they read, two by two.
  static void ties(text_transformer& self, arena_layout& layout) {
    if constexpr (C.reading == picture_reading::by_turns)
      for (std::size_t i = 0; i + 1 < self.crossing_.size(); i += 2)
        layout.tie(self.crossing_[i + 1].context_projections(), self.crossing_[i].context_projections(),
                   [](std::string_view) { return false; });
  }

  template <class Self, class F>
  [[gnu::cold]] static void members(Self& self, F&& f) {
    f("embeddings", self.embedding_);
    int i = 0;
    for (auto& block : self.plain_) f("encoder.layer." + std::to_string(i++), block);
    for (auto& block : self.crossing_) f("encoder.layer." + std::to_string(i++), block);
  }

 private:
  // What each layer reads: rows(0) or rows(1), for the first or second picture.
  template <class T, class Rows>
  projected_context<T, width> project_layers(T& t, const sequence_layout& layout, Rows rows, bool packed) const;

  template <class T>
  static constexpr auto ignore = [](int, const states<T>&) {};

  using plain_block =
      transformer_block<block_config{.width = C.width, .heads = C.heads, .hidden = C.hidden, .norm = norm_order::after}, B>;
  using crossing_block = transformer_block<block_config{.width = C.width, .heads = C.heads, .hidden = C.hidden,
                                                        .context = C.context, .norm = norm_order::after,
                                                        .twin = C.reading == picture_reading::both}, B>;
  static constexpr int branches = C.reading == picture_reading::both ? 2 : 1;

  // The layers with cross-attention, one after the other: step(i, layer, x, what it reads...).
  template <class T, int P, class Step>
  states<T> run_crossing(states<T> x, const sequence_layout& layout, const projected_context<T, P>& context,
                         source_index source, Step step) const;

  // step(tape, x); that of one of the last layers is run again in the backward pass, so it holds by value what it reads.
  template <class T, class Step>
  states<T> run_layer(T& t, int layer, const states<T>& x, const Step& step) const {
    return layer < layers() - options_.checkpoint_last ? step(t, x) : checkpoint(t, x, step);
  }

  // Which rows of the last layer are asked for.
  enum class wanted { all, first };
  template <wanted Rows, class Block, class T, class... Reads>
  static states<T> run_block(const Block& block, bool last, T& t, const states<T>& x, const sequence_layout& layout,
                             bool causal, const Reads&... reads);
  template <wanted Rows, class T>
  states<T> run_plain(T& t, states<T> x, const sequence_layout& layout, bool causal, observer<T> observe) const;
  template <wanted Rows, class T>
  states<T> run_text(T& t, const int* ids, const sequence_layout& layout, bool causal, observer<T> observe) const;
  template <wanted Rows, class T, int P>
  states<T> run_fusion(T& t, const states<T>& x, const sequence_layout& layout, const projected_context<T, P>& context,
                       source_index source, bool causal, observer<T> observe) const;

  text_options options_;
  embedding<C.width, B> embedding_;
  std::vector<plain_block> plain_;
  std::vector<crossing_block> crossing_;
};

}  // namespace blip::inline BLIP_ABI

#include "blip/models/text_transformer-inl.hpp"
