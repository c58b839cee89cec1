// expect: blip::attention: `projected` is not what project(context) gave
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/attention.hpp"
#include "prelude.hpp"

void run(training& t, const attention<attention_config{.width = 6, .heads = 3, .context = 5}, B>& layer,
         const var<training, 6>& x, const var<training, 5>& context, const sequence_layout& rows) {
#ifdef BLIP_MISUSE
  layer.read(t, x, context, rows, rows);
#else
  layer.read(t, x, layer.project(t, context), rows, rows);
#endif
}
