// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <span>

#include "blip/backend/reference/scalar.hpp"
#include "blip/backend/types.hpp"
#include "blip/core/device.hpp"

namespace blip::inline BLIP_ABI {

// The optimiser's kernels of the reference back end; contract in blip/backend/kernels.hpp.
template <class S>
struct reference_optimiser {
  static void adamw(device<reference<S>>&, std::span<const adamw_piece> pieces, const S* gradient, S* value, S* first,
                    S* second) {
    using std::sqrt;
    for (const auto& [begin, size, u] : pieces)
      for (std::int64_t i = begin; i < begin + size; ++i) {
        const S g = S(u.gradient_scale) * gradient[i];
        first[i] = S(u.beta1) * first[i] + S(1 - u.beta1) * g;
        second[i] = S(u.beta2) * second[i] + S(1 - u.beta2) * g * g;
        const S scale = sqrt(second[i]) / S(std::sqrt(u.correction2)) + S(u.epsilon);
        value[i] = S(1 - u.rate * u.decay) * value[i] - S(u.rate / u.correction1) * first[i] / scale;
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
