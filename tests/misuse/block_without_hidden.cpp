// expect: blip::transformer_block: set block_config::hidden, positive
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/transformer_block.hpp"
#include "prelude.hpp"

transformer_block<block_config{.width = 6, .heads = 3, .hidden = misuse ? 0 : 7}, B> layer;
