// expect: blip::vision_language_model: a loss needs image states, but the towers have no vision tower
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/blip.hpp"
#include "prelude.hpp"

constexpr vit_config vision{.width = 4, .heads = 2, .hidden = 7};
constexpr text_config alone{.width = 6, .heads = 3, .hidden = 7};
constexpr tower_config sizes{.vision = misuse ? vit_config{} : vision, .text = alone};
using model = vision_language_model<towers<sizes, B>, itc<>>;
constexpr std::size_t losses = model::loss_count;
