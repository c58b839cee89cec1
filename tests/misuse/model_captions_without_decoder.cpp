// expect: blip::vision_language_model: a loss needs a decoder, but the towers have none; set tower_config::decoder
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/blip.hpp"
#include "prelude.hpp"

constexpr vit_config vision{.width = 4, .heads = 2, .hidden = 7};
constexpr text_config reader{.width = 6, .heads = 3, .hidden = 7, .context = 4, .cross = cross_schedule::all};
constexpr tower_config sizes = misuse ? encoder_structure(vision, reader) : blip_structure(vision, reader);
using model = vision_language_model<towers<sizes, B>, lm>;
constexpr std::size_t losses = model::loss_count;
