// expect: blip::attention: the input's width is not attention_config::width
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/attention.hpp"
#include "prelude.hpp"

void run(training& t, const attention<attention_config{.width = 6, .heads = 3}, B>& layer,
         const var<training, misuse ? 7 : 6>& x, const sequence_layout& rows) {
  layer.forward(t, x, rows);
}
