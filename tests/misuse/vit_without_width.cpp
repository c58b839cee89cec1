// expect: blip::vit: set vit_config::width, positive
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/vit.hpp"
#include "prelude.hpp"

vit<vit_config{.width = misuse ? 0 : 6, .heads = 3, .hidden = 7}, B> tower({});
