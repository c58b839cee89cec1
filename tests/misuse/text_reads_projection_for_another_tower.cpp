// expect: blip::text_transformer: the context was projected for a tower of another width
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/text_transformer.hpp"
#include "prelude.hpp"

using tower =
    text_transformer<text_config{.width = 6, .heads = 3, .hidden = 7, .context = 5, .cross = cross_schedule::all}, B>;
void run(training& t, const tower& x, const int* ids, const sequence_layout& rows,
         const projected_context<training, misuse ? 8 : 6>& context) {
  x.multimodal(t, ids, rows, context);
}
