// expect: blip::towers: the text encoder's context is not the vision tower's width
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/towers.hpp"
#include "prelude.hpp"

constexpr text_config reader{.width = 6, .heads = 3, .hidden = 7, .context = 4, .cross = cross_schedule::all};
constexpr tower_config sizes{.vision = {.width = misuse ? 8 : 4, .heads = 2, .hidden = 7}, .text = reader};
constexpr int width = towers<sizes, B>::text_width;
