// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <type_traits>

#include "blip/autograd/tape.hpp"
#include "blip/core/communicator.hpp"
#include "blip/core/function_ref.hpp"
#include "blip/core/text_batch.hpp"
#include "blip/losses/negatives_from.hpp"

namespace blip::inline BLIP_ABI {

// Sees values by name as a step computes them: for tests, logs, pictures of attention.
template <class B>
using step_observer = function_ref<void(std::string_view name, const matrix_view<const typename B::scalar>& value)>;

// What a loss sees of a step: the tape, the towers and what they gave so far. `Towers` is a concept, not a class: whatever
// has the members that a loss calls (see blip::towers). The momentum model's pass, if a loss needs it, hangs below.
template <class T, class Towers>
struct tower_pass {
  using tape_type = T;
  using towers_type = Towers;
  using B = typename T::backend_type;
  using momentum_type = tower_pass<inference_tape<B>, Towers>;

  T& tape;
  const Towers& towers;
  const text_batch<B>& texts;
  const int* class_rows;  // [pictures] the row of each picture's class token
  communicator<B>& ranks;
  step_observer<B> observe;
  double alpha = 0;  // weight of the momentum model's distribution in the targets
  int first = 0;     // number of the first example among those of all ranks

  typename Towers::template image_rows<T> images{};     // [pictures (N + 1), image width], and its layout
  var<T, Towers::image_width> class_states{};            // [pictures, image width], each picture's class row
  typename Towers::template text_rows<T> text_states{};  // [text rows, text width], text alone
  typename Towers::template text_rows<T> feature_states{};  // [texts, text width], the row that stands for each
  typename Towers::template context<T> context{};        // what the encoder's texts read of the images
  typename Towers::template decoder_context<T> decoder_context{};  // the same for the decoder's
  scores<T> image_to_text{}, text_to_image{};            // similarities in the batch, for hard negatives, ...
  negatives_from similar_to = negatives_from::local;     // ... of own rows with the columns of this rank, or of all
  momentum_type* momentum = nullptr;

  template <class V>
  void show(std::string_view name, const V& x) const {
    observe(name, x.view());
  }
};

}  // namespace blip::inline BLIP_ABI
