// expect: blip::mlp: set mlp_config::width and ::hidden, both positive
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/mlp.hpp"
#include "prelude.hpp"

mlp<mlp_config{.width = 5, .hidden = misuse ? 0 : 7}, B> layer;
