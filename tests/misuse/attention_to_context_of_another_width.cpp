// expect: blip::attention: the context's width is not attention_config::context
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/attention.hpp"
#include "prelude.hpp"

void run(training& t, const attention<attention_config{.width = 6, .heads = 3, .context = 5}, B>& layer,
         const var<training, misuse ? 6 : 5>& context) {
  layer.project(t, context);
}
