// expect: blip::patch_embedding: set patch_config::width, positive
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/patch_embedding.hpp"
#include "prelude.hpp"

patch_embedding<patch_config{.width = misuse ? 0 : 5}, B> layer;
