// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "blip/backend/types.hpp"
#include "blip/core/device.hpp"

namespace blip::inline BLIP_ABI {

// The optimiser's kernels on the processor; contract in blip/backend/kernels.hpp.
struct cpu_optimiser {
  static void adamw(device<cpu>& d, std::span<const adamw_piece> pieces, const float* gradient, float* value,
                    float* first, float* second);
  static void squared_norm(device<cpu>& d, std::int64_t n, const float* x, double* y);
  static void ema(device<cpu>& d, std::int64_t n, double momentum, const float* value, float* target);
};

}  // namespace blip::inline BLIP_ABI

#if !defined(BLIP_EXPLICIT_ONLY)
#include "blip/backend/cpu/optimiser-inl.hpp"
#endif
