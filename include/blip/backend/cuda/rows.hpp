// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/memory.hpp"
#include "blip/backend/types.hpp"

namespace blip::inline BLIP_ABI {

extern "C" {
void blip_cuda_layer_norm(device<cuda>&, matrix_view<const float> x, matrix_view<const float> gamma,
                          matrix_view<const float> beta, double eps, matrix_view<float> y, matrix_view<float> stats);
void blip_cuda_layer_norm_vjp(device<cuda>&, matrix_view<const float> x, matrix_view<const float> gamma,
                              matrix_view<const float> stats, matrix_view<const float> dy, gradient_view<float> dx,
                              gradient_view<float> dgamma, gradient_view<float> dbeta);
void blip_cuda_residual(device<cuda>&, matrix_view<const float> x, matrix_view<const float> branch,
                        const sequence_layout&, const dropout_spec&, matrix_view<float> y);
void blip_cuda_residual_vjp(device<cuda>&, matrix_view<const float> dy, const sequence_layout&, const dropout_spec&,
                            gradient_view<float> dx, gradient_view<float> dbranch);
void blip_cuda_activate(device<cuda>&, matrix_view<const float> x, activation, matrix_view<float> y);
void blip_cuda_scale(device<cuda>&, matrix_view<const float> x, double factor, matrix_view<float> y);
void blip_cuda_scale_vjp(device<cuda>&, matrix_view<const float> dy, double factor, gradient_view<float> dx);
void blip_cuda_clamp(device<cuda>&, matrix_view<float> x, double low, double high);
void blip_cuda_gather_rows(device<cuda>&, matrix_view<const float> x, const int* index, matrix_view<float> y);
void blip_cuda_gather_rows_vjp(device<cuda>&, const int* index, matrix_view<const float> dy, gradient_view<float> dx);
void blip_cuda_scatter_rows(device<cuda>&, matrix_view<const float> x, const int* index, matrix_view<float> y);
void blip_cuda_scatter_rows_vjp(device<cuda>&, const int* index, matrix_view<const float> dy, gradient_view<float> dx);
void blip_cuda_copy_columns(device<cuda>&, matrix_view<const float> x, matrix_view<float> y);
void blip_cuda_copy_columns_vjp(device<cuda>&, matrix_view<const float> dy, gradient_view<float> dx);
void blip_cuda_l2_normalize(device<cuda>&, matrix_view<const float> x, matrix_view<float> y, matrix_view<float> norms);
void blip_cuda_l2_normalize_vjp(device<cuda>&, matrix_view<const float> y, matrix_view<const float> norms,
                                matrix_view<const float> dy, gradient_view<float> dx);
}

// Row-wise kernels of the GPU; contracts in blip/backend/kernels.hpp.
struct cuda_rows {
  static constexpr auto layer_norm = &detail::cuda_call<&blip_cuda_layer_norm>::call;
  static constexpr auto layer_norm_vjp = &detail::cuda_call<&blip_cuda_layer_norm_vjp>::call;
  static constexpr auto residual = &detail::cuda_call<&blip_cuda_residual>::call;
  static constexpr auto residual_vjp = &detail::cuda_call<&blip_cuda_residual_vjp>::call;
  static constexpr auto activate = &detail::cuda_call<&blip_cuda_activate>::call;
  static constexpr auto scale = &detail::cuda_call<&blip_cuda_scale>::call;
  static constexpr auto scale_vjp = &detail::cuda_call<&blip_cuda_scale_vjp>::call;
  static constexpr auto clamp = &detail::cuda_call<&blip_cuda_clamp>::call;
  static constexpr auto gather_rows = &detail::cuda_call<&blip_cuda_gather_rows>::call;
  static constexpr auto gather_rows_vjp = &detail::cuda_call<&blip_cuda_gather_rows_vjp>::call;
  static constexpr auto scatter_rows = &detail::cuda_call<&blip_cuda_scatter_rows>::call;
  static constexpr auto scatter_rows_vjp = &detail::cuda_call<&blip_cuda_scatter_rows_vjp>::call;
  static constexpr auto copy_columns = &detail::cuda_call<&blip_cuda_copy_columns>::call;
  static constexpr auto copy_columns_vjp = &detail::cuda_call<&blip_cuda_copy_columns_vjp>::call;
  static constexpr auto l2_normalize = &detail::cuda_call<&blip_cuda_l2_normalize>::call;
  static constexpr auto l2_normalize_vjp = &detail::cuda_call<&blip_cuda_l2_normalize_vjp>::call;
};

}  // namespace blip::inline BLIP_ABI
