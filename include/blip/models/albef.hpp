// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/losses/answer_list.hpp"
#include "blip/losses/classification.hpp"
#include "blip/losses/itc.hpp"
#include "blip/losses/itm.hpp"
#include "blip/losses/mlm.hpp"
#include "blip/losses/text_assignment.hpp"
#include "blip/models/towers.hpp"
#include "blip/models/vision_language_model.hpp"

// ALBEF (Li et al. 2021) as compositions. Each name is a template over a size: albef_pretraining<albef_base.structure, cpu>.
namespace blip::inline BLIP_ABI {

// One text tower whose first layers see text alone and whose last ones read the picture, with a head for masked words.
constexpr tower_config albef_structure(const vit_config& vision, const text_config& text) {
  return {.vision = vision, .text = text, .masked_head = true};
}
// A question encoder, and a decoder of half the depth that reads its states in every layer; both are averaged.
constexpr tower_config albef_answerer_structure(const vit_config& vision, const text_config& text) {
  text_config decoder = text;
  decoder.context = text.width;
  decoder.cross = cross_schedule::all;
  return {.vision = vision, .text = text, .decoder = decoder, .average_decoder = true};
}
// Texts that read two pictures: every layer with cross-attention becomes two, which read one each.
constexpr tower_config albef_pair_structure(const vit_config& vision, text_config text) {
  text.reading = picture_reading::by_turns;
  return encoder_structure(vision, text);
}
constexpr text_options albef_pair_options(text_options o) {
  o.layers += o.layers - o.cross_from;
  return o;
}
constexpr text_options albef_decoder_options(text_options o) {
  o.layers -= o.cross_from;
  o.cross_from = 0;
  return o;
}

inline constexpr tower_preset albef_base{albef_structure(vit_b16.structure, albef_text.structure),
                                         {{.depth = 12, .image_height = 256, .image_width = 256}, albef_text.options, {}}};
inline constexpr tower_preset albef_encoder_base{
    encoder_structure(vit_b16.structure, albef_text.structure),
    {{.depth = 12, .image_height = 384, .image_width = 384}, albef_text.options, {}}};
inline constexpr tower_preset albef_answerer_base{
    albef_answerer_structure(vit_b16.structure, albef_text.structure),
    {{.depth = 12, .image_height = 384, .image_width = 384}, albef_text.options, albef_decoder_options(albef_text.options)}};
inline constexpr tower_preset albef_pairs_base{
    albef_pair_structure(vit_b16.structure, albef_text.structure),
    {{.depth = 12, .image_height = 384, .image_width = 384}, albef_pair_options(albef_text.options), {}}};

// ITC + ITM + MLM, all distilled from the momentum model but ITM.
template <tower_config C, class B, itc_config F = itc_config{}, class Negatives = negatives_by_similarity>
using albef_pretraining = vision_language_model<towers<C, B>, itc<F>, itm<Negatives>, mlm<>>;
// ITC with image ids + ITM: give examples::image_ids.
template <tower_config C, class B, itc_config F = itc_config{}, class Negatives = negatives_by_similarity>
using albef_retrieval = vision_language_model<towers<C, B>, itc<F>, itm<Negatives>>;
template <tower_config C, class B>
using albef_answerer = vision_language_model<towers<C, B>, answer_list<teacher::momentum>>;
template <tower_config C, class B>
using albef_entailment = vision_language_model<towers<C, B>, classification<3, teacher::momentum>>;
// Is a sentence true of two pictures (NLVR2)? And the pre-training before it, in which texts find their picture.
template <tower_config C, class B>
using albef_pair_reasoning = vision_language_model<towers<C, B>, classification<2, teacher::momentum, 2>>;
template <tower_config C, class B, text_assignment_config F = text_assignment_config{}>
using albef_pair_pretraining = vision_language_model<towers<C, B>, text_assignment<F>>;

}  // namespace blip::inline BLIP_ABI
