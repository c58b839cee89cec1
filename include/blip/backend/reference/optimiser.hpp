// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>

#include "blip/backend/reference/scalar.hpp"
#include "blip/backend/types.hpp"
#include "blip/core/device.hpp"

namespace blip::inline BLIP_ABI {

// The optimiser's kernels of the reference back end; contract in blip/backend/kernels.hpp.
template <class S>
struct reference_optimiser {
  static void adamw(device<reference<S>>&, const adamw_step& u, matrix_view<const S> gradient, matrix_view<S> value,
                    matrix_view<S> first, matrix_view<S> second) {
    using std::sqrt;
    for (int r = 0; r < value.rows; ++r)
      for (int c = 0; c < value.width; ++c) {
        const S g = S(u.gradient_scale) * gradient(r, c);
        first(r, c) = S(u.beta1) * first(r, c) + S(1 - u.beta1) * g;
        second(r, c) = S(u.beta2) * second(r, c) + S(1 - u.beta2) * g * g;
        const S scale = sqrt(second(r, c)) / S(std::sqrt(u.correction2)) + S(u.epsilon);
        value(r, c) = S(1 - u.rate * u.decay) * value(r, c) - S(u.rate / u.correction1) * first(r, c) / scale;
      }
  }

  static void squared_norm(device<reference<S>>&, std::int64_t n, const S* x, double* y) {
    double sum = 0;
    for (std::int64_t i = 0; i < n; ++i) sum += detail::real_part(x[i]) * detail::real_part(x[i]);
    *y = sum;
  }

  static void ema(device<reference<S>>&, std::int64_t n, double momentum, const S* value, S* target) {
    for (std::int64_t i = 0; i < n; ++i) target[i] = S(momentum) * target[i] + S(1 - momentum) * value[i];
  }
};

}  // namespace blip::inline BLIP_ABI
