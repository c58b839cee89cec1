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

// Sizes by name. A name holds the variants of its tasks: they differ in their towers, and in the size of pictures.
inline constexpr std::array<blip::named_preset, 16> presets{{
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
}};

}  // namespace tool
