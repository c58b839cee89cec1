// expect: blip::towers: a decoder without cross-attention reads nothing; set text_config::cross
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/towers.hpp"
#include "prelude.hpp"

constexpr text_config reader{.width = 6, .heads = 3, .hidden = 7, .context = 4, .cross = cross_schedule::all};
constexpr text_config alone{.width = 6, .heads = 3, .hidden = 7};
constexpr tower_config sizes{.vision = {.width = 4, .heads = 2, .hidden = 7}, .decoder = misuse ? alone : reader};
constexpr int width = towers<sizes, B>::decoder_width;
