// expect: blip::tape: the tape and the layer are on different back ends
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/vit.hpp"
#include "prelude.hpp"

using T = inference_tape<either<B, reference<float>>>;
using layer_type = vit<vit_config{.width = 6, .heads = 3, .hidden = 7}, B>;
void run(T& t, const layer_type& layer, const images<T>& x) { layer.forward(t, x); }
