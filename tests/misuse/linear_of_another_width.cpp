// expect: blip::linear: the input's width is not linear_config::in
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/linear.hpp"
#include "prelude.hpp"

void run(training& t, const linear<linear_config{.in = 5, .out = 3}, B>& layer,
         const var<training, misuse ? 7 : 5>& x) {
  layer.forward(t, x);
}
