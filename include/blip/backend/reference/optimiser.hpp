// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "blip/backend/reference/scalar.hpp"
#include "blip/core/device.hpp"

namespace blip::inline BLIP_ABI {

// The optimiser's kernel of the reference back end; contract in blip/backend/kernels.hpp.
template <class S>
struct reference_optimiser {
  static void adamw(device<reference<S>>&, const adamw_step& u, matrix_view<const S> gradient, matrix_view<S> value,
                    matrix_view<S> first, matrix_view<S> second) {
    using std::sqrt;
    for (int r = 0; r < value.rows; ++r)
      for (int c = 0; c < value.width; ++c) {
        const S g = gradient(r, c);
        first(r, c) = S(u.beta1) * first(r, c) + S(1 - u.beta1) * g;
        second(r, c) = S(u.beta2) * second(r, c) + S(1 - u.beta2) * g * g;
        const S scale = sqrt(second(r, c)) / S(std::sqrt(u.correction2)) + S(u.epsilon);
        value(r, c) = S(1 - u.rate * u.decay) * value(r, c) - S(u.rate / u.correction1) * first(r, c) / scale;
      }
  }
};

}  // namespace blip::inline BLIP_ABI
