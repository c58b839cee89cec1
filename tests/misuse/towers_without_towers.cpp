// expect: blip::towers: no tower; set tower_config::vision, ::text or ::decoder
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/towers.hpp"
#include "prelude.hpp"

constexpr tower_config sizes{.vision = misuse ? vit_config{} : vit_config{.width = 4, .heads = 2, .hidden = 7}};
constexpr int width = towers<sizes, B>::image_width;
