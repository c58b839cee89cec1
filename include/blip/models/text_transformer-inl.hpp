// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/models/text_transformer.hpp"
#include "blip/ops/attend.hpp"
#include "blip/ops/first_rows.hpp"
#include "blip/ops/row_range.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

// A cross_input that outlives what it refers to.
template <class T, int W>
struct held_input {
  explicit held_input(const cross_input<T, W>& of)
      : projected(of.projected), layout(of.layout), source(of.source), packed(of.packed) {}
  cross_input<T, W> read() const { return {projected, layout, source, nullptr, packed}; }

  var<T, 2 * W> projected;
  sequence_layout layout;
  source_index source;
  bool packed;
};

}  // namespace detail

template <text_config C, backend B>
template <typename text_transformer<C, B, true>::wanted Rows, class Block, class T, class... Reads>
auto text_transformer<C, B, true>::run_block(const Block& block, bool last, T& t, const states<T>& x,
                                             const sequence_layout& layout, bool causal, const Reads&... reads)
    -> states<T> {
  if constexpr (Rows == wanted::first)
    if (last) {
      // Who looks at attention wants to see it of all rows.
      if (((reads.seen != nullptr) || ...)) return ops::first_rows(t, block.forward(t, x, layout, causal, reads...), layout);
      return block.forward_first(t, x, layout, reads...);
    }
  return block.forward(t, x, layout, causal, reads...);
}

template <text_config C, backend B>
template <typename text_transformer<C, B, true>::wanted Rows, class T>
auto text_transformer<C, B, true>::run_plain(T& t, states<T> x, const sequence_layout& layout, bool causal,
                                             observer<T> observe) const -> states<T> {
  observe(-1, x);
  for (int i = 0; i < cross_from(); ++i) {
    x = run_layer(t, i, x, [&block = plain_[static_cast<std::size_t>(i)], last = i + 1 == cross_from(), layout,
                            causal](T& on, const states<T>& h) {
      return run_block<Rows>(block, last, on, h, layout, causal);
    });
    observe(i, x);
  }
  return x;
}

template <text_config C, backend B>
template <typename text_transformer<C, B, true>::wanted Rows, class T>
auto text_transformer<C, B, true>::run_text(T& t, const int* ids, const sequence_layout& layout, bool causal,
                                            observer<T> observe) const -> states<T> {
  static_assert(same_back_end<T, B>());
  constexpr bool crosses = C.cross == cross_schedule::all;
  states<T> x = run_plain<crosses ? wanted::all : Rows>(t, embed(t, ids, layout), layout, causal, observe);
  // Where every layer has cross-attention, text alone skips it; where it begins later, text alone ends there.
  if constexpr (crosses)
    for (int i = 0; i < layers(); ++i) {
      x = run_layer(t, i, x, [&block = crossing_[static_cast<std::size_t>(i)], last = i + 1 == layers(), layout,
                              causal](T& on, const states<T>& h) {
        return run_block<Rows>(block, last, on, h, layout, causal);
      });
      observe(i, x);
    }
  if constexpr (Rows == wanted::first && !crosses)
    if (cross_from() == 0) return ops::first_rows(t, x, layout);
  return x;
}

template <text_config C, backend B>
template <class T>
auto text_transformer<C, B, true>::text(T& t, const int* ids, const sequence_layout& layout, bool causal,
                                        observer<T> observe) const -> states<T> {
  return run_text<wanted::all>(t, ids, layout, causal, observe);
}

template <text_config C, backend B>
template <class T>
auto text_transformer<C, B, true>::text_first(T& t, const int* ids, const sequence_layout& layout) const -> states<T> {
  return run_text<wanted::first>(t, ids, layout, false, ignore<T>);
}

template <text_config C, backend B>
template <class T, class Rows>
auto text_transformer<C, B, true>::project_layers(T& t, const sequence_layout& layout, Rows rows, bool packed) const
    -> projected_context<T, width> {
  projected_context<T, C.width> p{
      var_list<T, 2 * C.width>(t.device(), branches * static_cast<int>(crossing_.size())), layout};
  for (int i = 0; i < p.layers.size(); ++i) {
    const crossing_block& block = crossing_[static_cast<std::size_t>(i / branches)];
    if (C.reading == picture_reading::by_turns && i % 2 != 0 && &rows(0) == &rows(1)) {
      p.layers[i] = p.layers[i - 1];  // shared weights, the same rows
      continue;
    }
    if constexpr (C.reading == picture_reading::both)
      p.layers[i] = block.project(t, rows(i % 2), i % 2);
    else
      p.layers[i] = block.project(t, rows(i % 2));
    if constexpr (ops::packs_keys<B> && !T::records)
      if (packed) p.layers[i] = ops::packed_keys<C.width>(t, p.layers[i], layout, C.heads);
  }
  if constexpr (ops::packs_keys<B> && !T::records) p.packed = packed;
  return p;
}

template <text_config C, backend B>
template <class T, int K>
auto text_transformer<C, B, true>::project(T& t, const var<T, K>& context, const sequence_layout& layout,
                                           bool packed) const -> projected_context<T, width> {
  static_assert(same_back_end<T, B>());
  static_assert(has_cross_attention,
                "blip::text_transformer: no cross-attention; set text_config::cross and ::context");
  static_assert(detail::text_context_is<K, C.context>());
  require_equal("text_transformer: project", "rows of the context", context.rows(), layout.rows);
  return project_layers(t, layout, [&](int) -> const auto& { return context; }, packed);
}

template <text_config C, backend B>
template <class T, int K>
auto text_transformer<C, B, true>::project_pairs(T& t, const var<T, K>& context, const sequence_layout& layout) const
    -> projected_context<T, width> {
  static_assert(same_back_end<T, B>());
  static_assert(C.reading != picture_reading::one,
                "blip::text_transformer: texts read one picture; set text_config::reading for pairs");
  static_assert(detail::text_context_is<K, C.context>());
  require_equal("text_transformer: project_pairs", "rows of the context", context.rows(), layout.rows);
  require_equal("text_transformer: project_pairs, pictures of equal size", "rows of the layout",
                layout.begins ? 0 : layout.rows, layout.sequences * layout.longest);
  const int pairs = layout.sequences / 2, rows = pairs * layout.longest;
  require_equal("text_transformer: project_pairs", "pictures", layout.sequences, 2 * pairs);
  const var<T, K> halves[2]{ops::row_range(t, context, 0, rows), ops::row_range(t, context, rows, rows)};
  return project_layers(t, sequence_layout::uniform(pairs, layout.longest),
                        [&](int which) -> const auto& { return halves[which]; }, false);
}

template <text_config C, backend B>
template <class T>
auto text_transformer<C, B, true>::packed(T& t, projected_context<T, width> context) const
    -> projected_context<T, width> {
  if constexpr (ops::packs_keys<B> && !T::records) {
    const node<B>* before = nullptr;
    for (int i = 0; i < context.layers.size() && !context.packed; ++i) {
      auto& layer = context.layers[i];
      const node<B>* const given = layer.ref().get();
      layer = given == before ? context.layers[i - 1] : ops::packed_keys<C.width>(t, layer, context.layout, C.heads);
      before = given;
    }
    context.packed = true;
  }
  return context;
}

template <text_config C, backend B>
template <class T, int P, class Step>
auto text_transformer<C, B, true>::run_crossing(states<T> x, const sequence_layout& layout,
                                                const projected_context<T, P>& context, source_index source,
                                                Step step) const -> states<T> {
  require_equal("text_transformer: fuse", "layers of the projected context", context.layers.size(),
                static_cast<long long>(branches * crossing_.size()));
  const source_index second = source ? source + layout.sequences : nullptr;
  for (int i = 0; i < static_cast<int>(crossing_.size()); ++i) {
    const crossing_block& block = crossing_[static_cast<std::size_t>(i)];
    using read = cross_input<T, C.width>;
    if constexpr (C.reading == picture_reading::both)
      x = step(i, block, x, read{context.layers[2 * i], context.layout, source, nullptr, context.packed},
               read{context.layers[2 * i + 1], context.layout, second, nullptr, context.packed});
    else
      x = step(i, block, x, read{context.layers[i], context.layout,
                                 C.reading == picture_reading::by_turns && i % 2 ? second : source,
                                 context.watch.at(cross_from() + i), context.packed});
  }
  return x;
}

template <text_config C, backend B>
template <typename text_transformer<C, B, true>::wanted Rows, class T, int P>
auto text_transformer<C, B, true>::run_fusion(T& t, const states<T>& given, const sequence_layout& layout,
                                              const projected_context<T, P>& context, source_index source, bool causal,
                                              observer<T> observe) const -> states<T> {
  static_assert(same_back_end<T, B>());
  static_assert(has_cross_attention,
                "blip::text_transformer: no cross-attention; set text_config::cross and ::context");
  static_assert(detail::text_projected_for<P, C.width>());
  observe(cross_from() - 1, given);
  const int n = static_cast<int>(crossing_.size());
  if constexpr (Rows == wanted::first)
    if (n == 0) return ops::first_rows(t, given, layout);
  return run_crossing(
      given, layout, context, source, [&](int i, const auto& block, const states<T>& x, const auto&... reads) {
        const bool last = i + 1 == n;
        // What is looked at is not run again.
        const states<T> y =
            ((reads.seen != nullptr) || ...)
                ? run_block<Rows>(block, last, t, x, layout, causal, reads...)
                : run_layer(t, cross_from() + i, x,
                            [&block, last, layout, causal, ... held = detail::held_input(reads)](T& on, const states<T>& h) {
                              return run_block<Rows>(block, last, on, h, layout, causal, held.read()...);
                            });
        observe(cross_from() + i, y);
        return y;
      });
}

template <text_config C, backend B>
template <class T, int K, int P>
auto text_transformer<C, B, true>::fuse(T& t, const var<T, K>& given, const sequence_layout& layout,
                                        const projected_context<T, P>& context, source_index source, bool causal,
                                        observer<T> observe) const -> states<T> {
  static_assert(detail::text_states_are<K, C.width>());
  return run_fusion<wanted::all>(t, states<T>(given), layout, context, source, causal, observe);
}

template <text_config C, backend B>
template <class T, int K, int P>
auto text_transformer<C, B, true>::fuse_first(T& t, const var<T, K>& given, const sequence_layout& layout,
                                              const projected_context<T, P>& context, source_index source) const
    -> states<T> {
  static_assert(detail::text_states_are<K, C.width>());
  return run_fusion<wanted::first>(t, states<T>(given), layout, context, source, false, ignore<T>);
}

template <text_config C, backend B>
template <class T, int P>
auto text_transformer<C, B, true>::multimodal(T& t, const int* ids, const sequence_layout& layout,
                                              const projected_context<T, P>& context, source_index source, bool causal,
                                              observer<T> observe) const -> states<T> {
  const states<T> x = run_plain<wanted::all>(t, embed(t, ids, layout), layout, causal, observe);
  return run_fusion<wanted::all>(t, x, layout, context, source, causal, [&](int i, const states<T>& h) {
    if (i >= cross_from()) observe(i, h);  // the state before was seen already
  });
}

template <text_config C, backend B>
template <class T, int P>
auto text_transformer<C, B, true>::multimodal_first(T& t, const int* ids, const sequence_layout& layout,
                                                    const projected_context<T, P>& context, source_index source) const
    -> states<T> {
  const states<T> x = run_plain<wanted::all>(t, embed(t, ids, layout), layout, false, ignore<T>);
  return run_fusion<wanted::first>(t, x, layout, context, source, false, ignore<T>);
}

template <text_config C, backend B>
template <class T, int P>
auto text_transformer<C, B, true>::extend(T& t, const int* ids, const sequence_layout& layout, layer_cache<T> cache,
                                          const projected_context<T, P>& context, source_index source) const
    -> states<T> {
  static_assert(same_back_end<T, B>());
  static_assert(has_cross_attention,
                "blip::text_transformer: no cross-attention; set text_config::cross and ::context");
  static_assert(C.reading == picture_reading::one,
                "blip::text_transformer: a decoder reads one picture; set text_config::reading to picture_reading::one");
  static_assert(detail::text_projected_for<P, C.width>());
  states<T> x = embed(t, ids, layout);
  for (int i = 0; i < cross_from(); ++i) x = plain_[static_cast<std::size_t>(i)].extend(t, x, layout, cache(i));
  return run_crossing(x, layout, context, source,
                      [&](int i, const auto& block, const states<T>& h, const auto&... reads) {
                        return block.extend(t, h, layout, cache(cross_from() + i), reads...);
                      });
}

}  // namespace blip::inline BLIP_ABI
