// expect: blip::images: a vision tower takes blip::images of its tape
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/vit.hpp"
#include "prelude.hpp"

void run(training& t, const vit<vit_config{.width = 6, .heads = 3, .hidden = 7, .patch = 4}, B>& tower,
         const either<images<training>, var<training, 192>>& pixels) {
  tower.forward(t, pixels);
}
