// expect: blip::towers: tower_config::sharing says what a decoder shares; set ::decoder
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/towers.hpp"
#include "prelude.hpp"

constexpr text_config reader{.width = 6, .heads = 3, .hidden = 7, .context = 4, .cross = cross_schedule::all};
constexpr tower_config sizes{.vision = {.width = 4, .heads = 2, .hidden = 7}, .text = reader,
                             .sharing = misuse ? decoder_sharing::all : decoder_sharing::none};
constexpr int width = towers<sizes, B>::text_width;
