// expect: blip::tape: the tape and the layer are on different back ends
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/text_transformer.hpp"
#include "prelude.hpp"

using T = inference_tape<either<B, reference<float>>>;
using layer_type =
    text_transformer<text_config{.width = 6, .heads = 3, .hidden = 7, .context = 5, .cross = cross_schedule::all}, B>;
void run(T& t, const layer_type& layer, const int* ids, const sequence_layout& rows) { layer.text(t, ids, rows); }
