// expect: blip: no back end; give blip::cpu, blip::cuda, blip::reference<S>
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/linear.hpp"
#include "prelude.hpp"

// The scalar in place of the back end.
linear<linear_config{.in = 5, .out = 3}, either<reference<float>, float>> layer;
