// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/memory.hpp"
#include "blip/backend/types.hpp"

namespace blip::inline BLIP_ABI {

extern "C" {
void blip_cuda_contrast(device<cuda>&, const contrast_inputs<float>&, matrix_view<float> loss,
                        matrix_view<float> stats);
void blip_cuda_contrast_vjp(device<cuda>&, const contrast_inputs<float>&, matrix_view<const float> stats,
                            matrix_view<const float> dloss, gradient_view<float> dqueries,
                            gradient_view<float> dtemperature);
}

// The contrastive loss of the GPU, for features of at most 512 columns; contract in blip/backend/kernels.hpp.
struct cuda_contrast {
  static constexpr auto contrast = &detail::cuda_call<&blip_cuda_contrast>::call;
  static constexpr auto contrast_vjp = &detail::cuda_call<&blip_cuda_contrast_vjp>::call;
};

}  // namespace blip::inline BLIP_ABI
