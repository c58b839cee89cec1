// expect: blip::vision_language_model: a loss lets texts read one image each, but the text encoder has no cross-attention, or reads two
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/blip.hpp"
#include "prelude.hpp"

constexpr vit_config vision{.width = 4, .heads = 2, .hidden = 7};
constexpr text_config reader{.width = 6, .heads = 3, .hidden = 7, .context = 4, .cross = cross_schedule::all};
using model = blip_retrieval<misuse ? blip_pair_structure(vision, reader) : encoder_structure(vision, reader), B>;
constexpr std::size_t losses = model::loss_count;
