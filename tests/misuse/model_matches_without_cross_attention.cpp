// expect: blip::vision_language_model: a loss lets texts read one image each, but the text encoder has no cross-attention
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/blip.hpp"
#include "prelude.hpp"

// CLIP's towers cannot match pairs by reading.
constexpr vit_config vision{.width = 4, .heads = 2, .hidden = 7};
constexpr text_config reader{.width = 6, .heads = 3, .hidden = 7, .context = 4, .cross = cross_schedule::all};
constexpr text_config alone{.width = 6, .heads = 3, .hidden = 7};
using model = vision_language_model<towers<encoder_structure(vision, misuse ? alone : reader), B>, itc<>, itm<>>;
constexpr std::size_t losses = model::loss_count;
