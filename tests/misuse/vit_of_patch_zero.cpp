// expect: blip::vit: patch and channels must be positive
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/vit.hpp"
#include "prelude.hpp"

vit<vit_config{.width = 6, .heads = 3, .hidden = 7, .patch = misuse ? 0 : 16}, B> tower({});
