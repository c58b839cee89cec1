// expect: blip::transformer_block: the input's width is not block_config::width
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/transformer_block.hpp"
#include "prelude.hpp"

void run(training& t, const transformer_block<block_config{.width = 6, .heads = 3, .hidden = 7}, B>& layer,
         const var<training, misuse ? 7 : 6>& x, const sequence_layout& rows) {
  layer.forward(t, x, rows);
}
