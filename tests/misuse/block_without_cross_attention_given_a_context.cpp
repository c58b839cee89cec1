// expect: blip::transformer_block: no cross-attention; set block_config::context
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/transformer_block.hpp"
#include "prelude.hpp"

void run(
    training& t,
    const transformer_block<block_config{.width = 6, .heads = 3, .hidden = 7, .context = misuse ? 0 : 5}, B>& block,
    const var<training, 6>& x, const sequence_layout& rows, const var<training, 12>& projected) {
  block.forward(t, x, rows, false, {projected, rows});
}
