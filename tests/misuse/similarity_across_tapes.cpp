// expect: blip::var: a matrix of another tape; tape::input<W>(x.view()) brings its values over
// SPDX-License-Identifier: Apache-2.0
#include "blip/ops/similarity.hpp"
#include "prelude.hpp"

void run(training& t, inference& momentum, const var<training, 5>& image, const var<inference, 5>& text) {
#ifdef BLIP_MISUSE
  ops::similarity(t, image, text);
#else
  ops::similarity(t, image, t.input<5>(text.view()));
#endif
  (void)momentum;
}
