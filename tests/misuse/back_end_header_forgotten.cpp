// expect: blip::kernels: this back end has no kernels; include blip/backend/<name>.hpp first
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/text_transformer.hpp"
#include "prelude.hpp"

// cuda's kernels are not included here.
using chosen = either<B, cuda>;
using T = recording_tape<chosen>;
using tower = text_transformer<text_config{.width = 6, .heads = 3, .hidden = 7}, chosen>;
void run(T& t, const tower& x, const int* ids, const sequence_layout& rows) { x.text(t, ids, rows); }
