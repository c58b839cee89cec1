// expect: blip::transformer_block: width must be a multiple of heads
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/transformer_block.hpp"
#include "prelude.hpp"

transformer_block<block_config{.width = 6, .heads = misuse ? 4 : 3, .hidden = 7}, B> layer;
