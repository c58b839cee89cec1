// expect: blip::linear: the input's width is not linear_config::in
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/linear.hpp"
#include "prelude.hpp"

void run(inference& t, const linear<linear_config{.in = 5, .out = 3}, B>& first,
         const linear<linear_config{.in = misuse ? 5 : 3, .out = 2}, B>& second, const var<inference, 5>& x) {
  second.forward(t, first.forward(t, x));
}
