// expect: blip::mlp: the input's width is not mlp_config::width
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/mlp.hpp"
#include "prelude.hpp"

void run(training& t, const mlp<mlp_config{.width = 5, .hidden = 7}, B>& layer,
         const var<training, misuse ? 7 : 5>& x) {
  layer.forward(t, x);
}
