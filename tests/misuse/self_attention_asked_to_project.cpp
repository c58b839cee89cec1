// expect: blip::attention: self-attention has no context; set attention_config::context
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/attention.hpp"
#include "prelude.hpp"

void run(training& t, const attention<attention_config{.width = 6, .heads = 3, .context = misuse ? 0 : 5}, B>& layer,
         const var<training, 5>& context) {
  layer.project(t, context);
}
