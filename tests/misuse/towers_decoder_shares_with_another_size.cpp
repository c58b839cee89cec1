// expect: blip::towers: a decoder that shares parameters must have the text encoder's configuration
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/towers.hpp"
#include "prelude.hpp"

constexpr text_config reader{.width = 6, .heads = 3, .hidden = 7, .context = 4, .cross = cross_schedule::all};
constexpr text_config wider{.width = 6, .heads = 3, .hidden = 9, .context = 4, .cross = cross_schedule::all};
constexpr tower_config sizes{.vision = {.width = 4, .heads = 2, .hidden = 7}, .text = reader,
                             .decoder = misuse ? wider : reader, .sharing = decoder_sharing::all_but_self_attention};
constexpr int width = towers<sizes, B>::decoder_width;
