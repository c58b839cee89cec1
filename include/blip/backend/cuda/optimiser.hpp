// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "blip/backend/cuda/memory.hpp"
#include "blip/backend/types.hpp"

namespace blip::inline BLIP_ABI {

extern "C" {
void blip_cuda_adamw(device<cuda>&, const adamw_step&, matrix_view<const float> gradient, matrix_view<float> value,
                     matrix_view<float> first, matrix_view<float> second);
void blip_cuda_squared_norm(device<cuda>&, std::int64_t n, const float* x, double* y);
void blip_cuda_ema(device<cuda>&, std::int64_t n, double momentum, const float* value, float* target);
}

// The optimiser's kernels of the GPU; contracts in blip/backend/kernels.hpp.
struct cuda_optimiser {
  static constexpr auto adamw = &detail::cuda_call<&blip_cuda_adamw>::call;
  static constexpr auto squared_norm = &detail::cuda_call<&blip_cuda_squared_norm>::call;
  static constexpr auto ema = &detail::cuda_call<&blip_cuda_ema>::call;
};

}  // namespace blip::inline BLIP_ABI
