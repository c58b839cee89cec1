// expect: blip::var: layers take matrices with their width in the type
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/linear.hpp"
#include "prelude.hpp"

void run(training& t, const linear<linear_config{.in = 5, .out = 3}, B>& layer,
         const either<var<training, 5>, scores<training>>& x) {
  layer.forward(t, x);
}
