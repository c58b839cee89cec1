// expect: blip::linear: the input's width is not linear_config::in
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/vit.hpp"
#include "prelude.hpp"

// Features of ViT-L where those of ViT-B are expected.
using vision = vit<misuse ? vit_l16.structure : vit_b16.structure, B>;
void run(inference& t, const vision& tower, const linear<linear_config{.in = 768, .out = 256}, B>& projection,
         const images<inference>& pixels) {
  projection.forward(t, tower.forward(t, pixels));
}
