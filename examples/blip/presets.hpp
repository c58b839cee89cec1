// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "blip/io/describe_weights.hpp"
#include "blip/models/scenes.hpp"

namespace tool {

inline constexpr blip::tower_preset scenes_writer{blip::scenes_blip_decoder,
                                                  {blip::scenes_vit.options, {}, blip::scenes_blip_text.options}};
inline constexpr blip::tower_preset scenes_judge{blip::scenes_blip_encoder,
                                                 {blip::scenes_vit.options, blip::scenes_blip_text.options, {}}};
inline constexpr blip::tower_preset scenes_blip_answering{
    blip::answerer_structure(blip::scenes_vit.structure, blip::scenes_blip_text.structure),
    {blip::scenes_vit.options, blip::scenes_blip_text.options, blip::scenes_blip_text.options}};
inline constexpr blip::tower_preset scenes_albef_answering{
    blip::albef_answerer_structure(blip::scenes_vit.structure, blip::scenes_albef_text.structure),
    {blip::scenes_vit.options, blip::scenes_albef_text.options,
     blip::albef_decoder_options(blip::scenes_albef_text.options)}};
inline constexpr blip::tower_preset scenes_entailing{
    blip::encoder_structure(blip::scenes_vit.structure, blip::scenes_albef_text.structure),
    {blip::scenes_vit.options, blip::scenes_albef_text.options, {}}};
inline constexpr blip::tower_preset scenes_blip_reasoning{
    blip::blip_pair_structure(blip::scenes_vit.structure, blip::scenes_blip_text.structure),
    {blip::scenes_vit.options, blip::scenes_blip_text.options, {}}};
inline constexpr blip::tower_preset scenes_albef_reasoning{
    blip::albef_pair_structure(blip::scenes_vit.structure, blip::scenes_albef_text.structure),
    {blip::scenes_vit.options, blip::albef_pair_options(blip::scenes_albef_text.options), {}}};

// Sizes by name. A name holds the variants of its tasks: they differ in their towers, and in the size of pictures.
inline constexpr std::array<blip::named_preset, 21> presets{{
    {"albef-base", blip::albef_base},
    {"albef-base", blip::albef_encoder_base},
    {"albef-base", blip::albef_answerer_base},
    {"albef-base", blip::albef_pairs_base},
    {"blip-base", blip::blip_base},
    {"blip-base", blip::blip_captioner_base},
    {"blip-base", blip::blip_encoder_base},
    {"blip-base", blip::blip_answerer_base},
    {"blip-base", blip::blip_pairs_base},
    {"blip-large", blip::blip_large},
    {"blip-large", blip::blip_captioner_large},
    {"blip-large", blip::blip_encoder_large},
    {"scenes", blip::scenes_blip},
    {"scenes", blip::scenes_albef},
    {"scenes", scenes_writer},
    {"scenes", scenes_judge},
    {"scenes", scenes_blip_answering},
    {"scenes", scenes_albef_answering},
    {"scenes", scenes_entailing},
    {"scenes", scenes_blip_reasoning},
    {"scenes", scenes_albef_reasoning},
}};

}  // namespace tool
