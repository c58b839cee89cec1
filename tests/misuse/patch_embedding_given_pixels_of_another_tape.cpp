// expect: blip::images: a vision tower takes blip::images of its tape
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/patch_embedding.hpp"
#include "prelude.hpp"

void run(training& t, const patch_embedding<patch_config{.width = 6}, B>& layer,
         const images<either<training, inference>>& pixels) {
  layer.forward(t, pixels);
}
