// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/memory.hpp"
#include "blip/core/matrix_view.hpp"

namespace blip::inline BLIP_ABI {

extern "C" void blip_cuda_best_tokens(device<cuda>&, matrix_view<const float> logits, int count, float* best, int* tokens,
                                      double* log_sums);

// What samplers ask of logits, found on the GPU; contract in blip/backend/kernels.hpp.
struct cuda_ranking {
  static constexpr auto best_tokens = &detail::cuda_call<&blip_cuda_best_tokens>::call;
};

}  // namespace blip::inline BLIP_ABI
