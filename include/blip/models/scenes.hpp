// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/models/albef.hpp"
#include "blip/models/blip.hpp"

// Towers for the generated world of 32 x 32 pictures (blip/data/scenes): small enough to train in minutes on a processor,
// made of the same parts as the published sizes. Vocabulary: scenes::word_list with [DEC] and [ENC] appended.
namespace blip::inline BLIP_ABI {

inline constexpr vit_preset scenes_vit{{.width = 64, .heads = 4, .hidden = 256, .patch = 8},
                                       {.depth = 2, .image_height = 32, .image_width = 32}};
inline constexpr text_preset scenes_blip_text{
    {.width = 64, .heads = 4, .hidden = 256, .context = 64, .cross = cross_schedule::all},
    {.layers = 2, .embedding = {.vocabulary = 0, .positions = 32}}};
inline constexpr text_preset scenes_albef_text{
    {.width = 64, .heads = 4, .hidden = 256, .context = 64, .cross = cross_schedule::from_layer},
    {.layers = 4, .cross_from = 2, .embedding = {.vocabulary = 0, .positions = 32, .token_types = 2}}};
inline constexpr itc_config scenes_features{.width = 64, .momentum = false};

// Options of a preset with the vocabulary that is known at run time only.
constexpr tower_options with_vocabulary(tower_options o, int vocabulary) {
  o.text.embedding.vocabulary = o.decoder.embedding.vocabulary = vocabulary;
  return o;
}

inline constexpr tower_preset scenes_blip{blip_structure(scenes_vit.structure, scenes_blip_text.structure),
                                          {scenes_vit.options, scenes_blip_text.options, scenes_blip_text.options}};
inline constexpr tower_preset scenes_albef{albef_structure(scenes_vit.structure, scenes_albef_text.structure),
                                           {scenes_vit.options, scenes_albef_text.options, {}}};


// BLIP's three on these towers: what learns all, what judges pairs, what writes captions.
inline constexpr tower_config scenes_blip_encoder = encoder_structure(scenes_vit.structure, scenes_blip_text.structure);
inline constexpr tower_config scenes_blip_decoder = captioner_structure(scenes_vit.structure, scenes_blip_text.structure);
template <class B>
using scenes_pretraining = blip_pretraining<scenes_blip.structure, B, scenes_features>;
template <class B>
using scenes_filter = blip_retrieval<scenes_blip_encoder, B, scenes_features>;
template <class B>
using scenes_captioner = blip_captioner<scenes_blip_decoder, B>;

}  // namespace blip::inline BLIP_ABI
