// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "blip/backend/reference.hpp"
#include "blip/losses/examples.hpp"
#include "blip/models/vision_language_model.hpp"

namespace blip_test {

// A model that keeps what it is given.
struct keeping_model {
  using backend_type = blip::reference<float>;
  struct batch {
    std::vector<float> pixels;
    blip::examples texts;
    blip::example_site site;
  };
  batch prepare(const blip::picture_batch<backend_type>& p, const blip::examples& e, const blip::example_site& at) const {
    const int size = p.count * p.channels * p.height * p.width;
    return {std::vector<float>(p.pixels, p.pixels + size), e, at};
  }
};

}  // namespace blip_test
