// expect: blip::towers: the decoder's context is neither the vision tower's width nor the text encoder's
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/towers.hpp"
#include "prelude.hpp"

constexpr text_config reader{.width = 6, .heads = 3, .hidden = 7, .context = misuse ? 5 : 4, .cross = cross_schedule::all};
constexpr tower_config sizes{.vision = {.width = 4, .heads = 2, .hidden = 7}, .decoder = reader};
constexpr int width = towers<sizes, B>::decoder_width;
