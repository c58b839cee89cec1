// expect: blip::vit: width must be a multiple of heads
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/vit.hpp"
#include "prelude.hpp"

vit<vit_config{.width = 768, .heads = misuse ? 10 : 12, .hidden = 3072}, B> tower({});
