// expect: blip::vision_language_model: a loss needs text states, but the towers have no text encoder
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/blip.hpp"
#include "prelude.hpp"

// A captioner has a decoder only.
constexpr vit_config vision{.width = 4, .heads = 2, .hidden = 7};
constexpr text_config reader{.width = 6, .heads = 3, .hidden = 7, .context = 4, .cross = cross_schedule::all};
constexpr tower_config sizes = misuse ? captioner_structure(vision, reader) : blip_structure(vision, reader);
using model = vision_language_model<towers<sizes, B>, itc<>>;
constexpr std::size_t losses = model::loss_count;
