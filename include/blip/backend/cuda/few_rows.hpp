// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/memory.hpp"
#include "blip/backend/types.hpp"

namespace blip::inline BLIP_ABI {

extern "C" {
// Within the back end: affine for at most cuda_few_rows::few_rows rows.
void blip_cuda_affine_few(device<cuda>&, matrix_view<const float> x, weight_view<float> w, matrix_view<const float> b,
                          activation, matrix_view<float> y, matrix_view<float> pre);
void blip_cuda_affine_norm(device<cuda>&, matrix_view<const float> h, weight_view<float> w, matrix_view<const float> b,
                           activation, matrix_view<const float> x, matrix_view<const float> gamma,
                           matrix_view<const float> beta, double eps, matrix_view<float> y);
}

// Products of few rows on the GPU, which wait for their weights; contracts in blip/backend/kernels.hpp.
struct cuda_few_rows {
  static constexpr int few_rows = 32;
  static constexpr auto affine_norm = &detail::cuda_call<&blip_cuda_affine_norm>::call;
};

}  // namespace blip::inline BLIP_ABI
