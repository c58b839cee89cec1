// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/memory.hpp"
#include "blip/backend/types.hpp"

namespace blip::inline BLIP_ABI {

extern "C" {
void blip_cuda_affine(device<cuda>&, matrix_view<const float> x, weight_view<float> w, matrix_view<const float> b,
                      activation, matrix_view<float> y, matrix_view<float> pre);
void blip_cuda_affine_vjp(device<cuda>&, matrix_view<const float> x, weight_view<float> w, activation,
                          matrix_view<const float> pre, matrix_view<const float> dy, gradient_view<float> dx,
                          gradient_view<float> dw, gradient_view<float> db);
void blip_cuda_similarity(device<cuda>&, matrix_view<const float> x, matrix_view<const float> y,
                          matrix_view<const float> temperature, matrix_view<float> s);
void blip_cuda_similarity_vjp(device<cuda>&, matrix_view<const float> x, matrix_view<const float> y,
                              matrix_view<const float> temperature, matrix_view<const float> s,
                              matrix_view<const float> ds, gradient_view<float> dx, gradient_view<float> dy,
                              gradient_view<float> dtemperature);
void blip_cuda_pack_weight(device<cuda>&, matrix_view<const float> w, void* to);
}

// Matrix products of the GPU; contracts in blip/backend/kernels.hpp. Affine maps read what the device's option
// `products` says; similarities are always fp32. A packed weight is its numbers in bf16, row after row.
struct cuda_products {
  static constexpr auto affine = &detail::cuda_call<&blip_cuda_affine>::call;
  static constexpr auto affine_vjp = &detail::cuda_call<&blip_cuda_affine_vjp>::call;
  static constexpr auto similarity = &detail::cuda_call<&blip_cuda_similarity>::call;
  static constexpr auto similarity_vjp = &detail::cuda_call<&blip_cuda_similarity_vjp>::call;
  static constexpr auto pack_weight = &detail::cuda_call<&blip_cuda_pack_weight>::call;
  static std::size_t packed_weight_bytes(device<cuda>& d, int rows, int cols) {
    return packed_weight_bytes(d.options().products, rows, cols);
  }
  static constexpr std::size_t packed_weight_bytes(precision products, int rows, int cols) {
    return products == precision::bf16 ? static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols) * sizeof(bf16)
                                       : 0;
  }
};

}  // namespace blip::inline BLIP_ABI
