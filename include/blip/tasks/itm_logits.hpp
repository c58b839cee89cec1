// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

#include "blip/autograd/tape.hpp"
#include "blip/core/text_batch.hpp"
#include "blip/ops/first_rows.hpp"
#include "blip/text/wordpiece.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

template <class Model>
consteval std::size_t loss_of(std::string_view name) {
  std::size_t i = 0;
  while (i < Model::loss_count && Model::loss_names[i] != name) ++i;
  return i;
}

}  // namespace detail

// What a text that reads a picture begins with: BLIP's [ENC]; -1, its own first token, where it is not `marked` and
// where fusion goes on from the states of the text alone.
template <class Towers>
int first_of_matching(const wordpiece& tokens, bool marked) {
  return Towers::fuses_states || !marked ? -1 : tokens.id("[ENC]");
}

// The head of image-text matching on the first rows of texts that have read pictures, [texts, W]: [texts, 2], column 1 for
// a pair that belongs together.
template <class T, class Model, int W>
scores<T> itm_logits(T& t, const Model& model, const var<T, W>& first) {
  constexpr std::size_t at = detail::loss_of<Model>("itm");
  static_assert(at < Model::loss_count, "blip::itm_logits: the model has no itm head");
  return model.template head_at<at>().forward(t, first);
}
// The same of all their rows.
template <class T, class Model, int W>
scores<T> itm_logits(T& t, const Model& model, const var<T, W>& states, const sequence_layout& layout) {
  return itm_logits(t, model, ops::first_rows(t, states, layout));
}

// The first row of each text that reads a picture, `source` saying which (null: the one of the same number). The texts
// must begin with first_of_matching.
template <class T, class Towers>
auto read_pictures(T& t, const Towers& towers, const text_batch<typename T::backend_type>& texts,
                   const typename Towers::template context<T>& pictures, source_index source) {
  const sequence_layout& layout = texts.layout();
  if constexpr (Towers::fuses_states)
    return towers.fuse_first(t, towers.text(t, texts.ids(), layout), layout, pictures, source);
  else
    return towers.multimodal_first(t, texts.ids(), layout, pictures, source);
}

template <class T, class Model>
scores<T> itm_logits(T& t, const Model& model, const text_batch<typename T::backend_type>& texts,
                     const typename Model::towers_type::template context<T>& pictures, source_index source) {
  return itm_logits(t, model, read_pictures(t, model.towers(), texts, pictures, source));
}

}  // namespace blip::inline BLIP_ABI
