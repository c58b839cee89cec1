// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the cases of visual question answering have in common, in training and in ranking.
#include "blip/models/albef.hpp"
#include "blip/models/blip.hpp"
#include "golden_model.hpp"

namespace golden {

constexpr blip::tower_config answerer =
    albef ? blip::albef_answerer_structure(vision, encoder) : blip::answerer_structure(vision, encoder);
template <class B>
using answerer_of =
    std::conditional_t<albef, blip::albef_answerer<answerer, B>, blip::blip_answerer<answerer, B>>;

inline blip::tower_options answerer_options() {
  blip::text_options decoder = encoder_options;
  decoder.layers = albef ? c::decoder_layers : c::text_layers;
  decoder.cross_from = 0;
  return {vision_options, encoder_options, decoder};
}

// What the families' cases call by different names.
constexpr const char* ids = albef ? "_ids" : "_input_ids";
constexpr const char* mask = albef ? "_mask" : "_attention_mask";

}  // namespace golden
