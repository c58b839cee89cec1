// expect: blip::text_transformer: the context's width is not text_config::context
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/text_transformer.hpp"
#include "blip/models/vit.hpp"
#include "prelude.hpp"

// The text tower was sized for another vision tower.
using vision = vit<vit_config{.width = misuse ? 8 : 4, .heads = 2, .hidden = 7}, B>;
using text =
    text_transformer<text_config{.width = 6, .heads = 3, .hidden = 7, .context = 4, .cross = cross_schedule::all}, B>;
void run(training& t, const vision& v, const text& x, const images<training>& pixels) {
  x.project(t, v.forward(t, pixels), v.layout(pixels));
}
