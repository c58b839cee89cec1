// expect: blip::var: a matrix of another tape; tape::input<W>(x.view()) brings its values over
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/linear.hpp"
#include "prelude.hpp"

// Features of a momentum pass, used where gradients are recorded.
void run(training& t, const linear<linear_config{.in = 5, .out = 3}, B>& layer,
         const var<either<training, inference>, 5>& x) {
  layer.forward(t, x);
}
