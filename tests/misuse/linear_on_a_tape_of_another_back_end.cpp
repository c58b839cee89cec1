// expect: blip::tape: the tape and the layer are on different back ends
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/linear.hpp"
#include "prelude.hpp"

using T = inference_tape<either<B, reference<float>>>;
using layer_type = linear<linear_config{.in = 5, .out = 3}, B>;
void run(T& t, const layer_type& layer, const var<T, 5>& x) { layer.forward(t, x); }
