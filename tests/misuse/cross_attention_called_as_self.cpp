// expect: blip::attention: this is cross-attention; call project(context) once and read(x, ...)
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/attention.hpp"
#include "prelude.hpp"

void run(training& t, const attention<attention_config{.width = 6, .heads = 3, .context = misuse ? 5 : 0}, B>& layer,
         const var<training, 6>& x, const sequence_layout& rows) {
  layer.forward(t, x, rows);
}
