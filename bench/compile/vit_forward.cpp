// SPDX-License-Identifier: Apache-2.0
//
// A forward pass of one published vision tower: what its size costs to compile. -DBLIP_TOWER=vit_l16 takes the larger
// one.
#include "blip/backend/reference.hpp"
#include "blip/models/vit.hpp"

#ifndef BLIP_TOWER
#define BLIP_TOWER vit_b16
#endif

using namespace blip;
using B = reference<float>;

void forward(device<B>& dev, const vit<BLIP_TOWER.structure, B>& tower, const arena<B>& values,
             matrix_view<const float> pixels, matrix_view<const float>& result) {
  inference_tape<B> t(dev, values);
  const images<inference_tape<B>> pictures(t.input(pixels), 3, 224, 224);
  result = tower.forward(t, pictures).view();
}
