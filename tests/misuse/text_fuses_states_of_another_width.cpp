// expect: blip::text_transformer: the states' width is not text_config::width
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/text_transformer.hpp"
#include "prelude.hpp"

using tower =
    text_transformer<text_config{.width = 6, .heads = 3, .hidden = 7, .context = 5, .cross = cross_schedule::all}, B>;
void run(training& t, const tower& x, const var<training, misuse ? 5 : 6>& states, const sequence_layout& rows,
         const projected_context<training, 6>& context) {
  x.fuse(t, states, rows, context);
}
