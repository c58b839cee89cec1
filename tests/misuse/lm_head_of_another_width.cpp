// expect: blip::lm_head: the input's width is not the head's
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/lm_head.hpp"
#include "prelude.hpp"

void run(training& t, const lm_head<5, B>& head, const var<training, misuse ? 7 : 5>& states, const parameter& words) {
  head.forward(t, states, words);
}
