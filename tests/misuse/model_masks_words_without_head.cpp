// expect: blip::vision_language_model: a loss predicts masked words, but the text encoder has no head
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/albef.hpp"
#include "prelude.hpp"

// The encoder was sized for retrieval, which has no word head.
constexpr vit_config vision{.width = 4, .heads = 2, .hidden = 7};
constexpr text_config reader{.width = 6, .heads = 3, .hidden = 7, .context = 4, .cross = cross_schedule::from_layer};
constexpr tower_config sizes = misuse ? encoder_structure(vision, reader) : albef_structure(vision, reader);
using model = vision_language_model<towers<sizes, B>, mlm<>>;
constexpr std::size_t losses = model::loss_count;
