// expect: blip::layer_norm: the input's width is not the layer's
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/layer_norm.hpp"
#include "prelude.hpp"

void run(training& t, const layer_norm<5, B>& layer, const var<training, misuse ? 7 : 5>& x) { layer.forward(t, x); }
