// expect: blip::var: the matrix has another width than the one it must fit
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/vit.hpp"
#include "prelude.hpp"

void run(training& t, const vit<vit_config{.width = 6, .heads = 3, .hidden = 7}, B>& tower,
         const images<training>& pixels) {
  tower.forward(t, pixels, [](int, const var<training, misuse ? 7 : 6>&) {});
}
