// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/losses/answer_list.hpp"
#include "blip/losses/classification.hpp"
#include "blip/losses/itc.hpp"
#include "blip/losses/itm.hpp"
#include "blip/losses/lm.hpp"
#include "blip/models/towers.hpp"
#include "blip/models/vision_language_model.hpp"

// BLIP (Li et al. 2022) as compositions. Each name is a template over a size: blip_pretraining<blip_base.structure, cpu>.
namespace blip::inline BLIP_ABI {

// The unimodal and multimodal text encoder is one tower; the decoder shares all but self-attention with it.
constexpr tower_config blip_structure(const vit_config& vision, const text_config& text,
                                      decoder_sharing sharing = decoder_sharing::all_but_self_attention) {
  return {.vision = vision, .text = text, .decoder = text, .sharing = sharing};
}
// A decoder alone that reads the picture.
constexpr tower_config captioner_structure(const vit_config& vision, const text_config& text) {
  return {.vision = vision, .decoder = text};
}
// A question encoder, and a decoder of its own parameters that reads the encoder's states.
constexpr tower_config answerer_structure(const vit_config& vision, const text_config& text) {
  text_config decoder = text;
  decoder.context = text.width;
  return {.vision = vision, .text = text, .decoder = decoder};
}
// Texts that read two pictures, in every layer.
constexpr tower_config blip_pair_structure(const vit_config& vision, text_config text) {
  text.reading = picture_reading::both;
  return encoder_structure(vision, text);
}

inline constexpr tower_preset blip_base{blip_structure(vit_b16.structure, blip_text.structure),
                                        {vit_b16.options, blip_text.options, blip_text.options}};
inline constexpr tower_preset blip_large{
    blip_structure(vit_l16.structure, blip_text_large.structure),
    {{.depth = 24, .drop_path = 0.1f}, blip_text_large.options, blip_text_large.options}};
inline constexpr tower_preset blip_captioner_base{captioner_structure(vit_b16.structure, blip_text.structure),
                                                  {{.depth = 12, .image_height = 384, .image_width = 384}, {}, blip_text.options}};
inline constexpr tower_preset blip_captioner_large{
    captioner_structure(vit_l16.structure, blip_text_large.structure),
    {{.depth = 24, .image_height = 384, .image_width = 384, .drop_path = 0.1f}, {}, blip_text_large.options}};
inline constexpr tower_preset blip_encoder_base{encoder_structure(vit_b16.structure, blip_text.structure),
                                                {{.depth = 12, .image_height = 384, .image_width = 384}, blip_text.options, {}}};
inline constexpr tower_preset blip_encoder_large{
    encoder_structure(vit_l16.structure, blip_text_large.structure),
    {{.depth = 24, .image_height = 384, .image_width = 384, .drop_path = 0.1f}, blip_text_large.options, {}}};
inline constexpr tower_preset blip_answerer_base{
    answerer_structure(vit_b16.structure, blip_text.structure),
    {{.depth = 12, .image_height = 480, .image_width = 480, .drop_path = 0.1f}, blip_text.options, blip_text.options}};
inline constexpr tower_preset blip_pairs_base{
    blip_pair_structure(vit_b16.structure, blip_text.structure),
    {{.depth = 12, .image_height = 384, .image_width = 384, .drop_path = 0.1f}, blip_text.options, {}}};

// ITC + ITM + LM.
template <tower_config C, class B, itc_config F = itc_config{}, class Negatives = negatives_by_similarity>
using blip_pretraining = vision_language_model<towers<C, B>, itc<F>, itm<Negatives>, lm>;
// ITC with image ids + ITM: give examples::image_ids.
template <tower_config C, class B, itc_config F = itc_config{}, class Negatives = negatives_by_similarity>
using blip_retrieval = vision_language_model<towers<C, B>, itc<F>, itm<Negatives>>;
template <tower_config C, class B>
using blip_captioner = vision_language_model<towers<C, B>, lm>;
template <tower_config C, class B>
using blip_answerer = vision_language_model<towers<C, B>, answer_list<>>;
// Is a sentence true of two pictures (NLVR2)? Its first token is [ENC].
template <tower_config C, class B>
using blip_pair_reasoning = vision_language_model<towers<C, B>, classification<2, teacher::none, 2>>;

}  // namespace blip::inline BLIP_ABI
