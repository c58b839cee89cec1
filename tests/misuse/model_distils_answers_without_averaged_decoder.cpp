// expect: blip::vision_language_model: a distilled loss needs the momentum model's decoder
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/albef.hpp"
#include "blip/models/blip.hpp"
#include "prelude.hpp"

constexpr vit_config vision{.width = 4, .heads = 2, .hidden = 7};
constexpr text_config reader{.width = 6, .heads = 3, .hidden = 7, .context = 4, .cross = cross_schedule::from_layer};
constexpr tower_config sizes = misuse ? answerer_structure(vision, reader) : albef_answerer_structure(vision, reader);
using model = vision_language_model<towers<sizes, B>, answer_list<teacher::momentum>>;
constexpr std::size_t losses = model::loss_count;
