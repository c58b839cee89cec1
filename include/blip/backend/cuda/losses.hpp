// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/memory.hpp"
#include "blip/backend/types.hpp"

namespace blip::inline BLIP_ABI {

extern "C" {
void blip_cuda_cross_entropy(device<cuda>&, matrix_view<const float> logits, const int* labels, double smoothing,
                             matrix_view<const float> teacher, double alpha, matrix_view<float> loss,
                             matrix_view<float> lse);
void blip_cuda_cross_entropy_vjp(device<cuda>&, matrix_view<const float> logits, const int* labels, double smoothing,
                                 matrix_view<const float> teacher, double alpha, matrix_view<const float> lse,
                                 matrix_view<const float> dloss, gradient_view<float> dlogits);
void blip_cuda_soft_cross_entropy(device<cuda>&, matrix_view<const float> logits, matrix_view<const float> targets,
                                  matrix_view<float> loss, matrix_view<float> lse);
void blip_cuda_soft_cross_entropy_vjp(device<cuda>&, matrix_view<const float> logits, matrix_view<const float> targets,
                                      matrix_view<const float> lse, matrix_view<const float> dloss,
                                      gradient_view<float> dlogits);
void blip_cuda_weighted_sum(device<cuda>&, matrix_view<const float> x, matrix_view<const float> weights,
                            matrix_view<float> y);
void blip_cuda_weighted_sum_vjp(device<cuda>&, matrix_view<const float> dy, matrix_view<const float> weights,
                                gradient_view<float> dx);
void blip_cuda_mean_labelled(device<cuda>&, matrix_view<const float> x, const int* labels, matrix_view<float> y);
void blip_cuda_mean_labelled_vjp(device<cuda>&, matrix_view<const float> dy, const int* labels,
                                 gradient_view<float> dx);
}

// Cross entropies and reductions of the GPU; contracts in blip/backend/kernels.hpp.
struct cuda_losses {
  static constexpr auto cross_entropy = &detail::cuda_call<&blip_cuda_cross_entropy>::call;
  static constexpr auto cross_entropy_vjp = &detail::cuda_call<&blip_cuda_cross_entropy_vjp>::call;
  static constexpr auto soft_cross_entropy = &detail::cuda_call<&blip_cuda_soft_cross_entropy>::call;
  static constexpr auto soft_cross_entropy_vjp = &detail::cuda_call<&blip_cuda_soft_cross_entropy_vjp>::call;
  static constexpr auto weighted_sum = &detail::cuda_call<&blip_cuda_weighted_sum>::call;
  static constexpr auto weighted_sum_vjp = &detail::cuda_call<&blip_cuda_weighted_sum_vjp>::call;
  static constexpr auto mean_labelled = &detail::cuda_call<&blip_cuda_mean_labelled>::call;
  static constexpr auto mean_labelled_vjp = &detail::cuda_call<&blip_cuda_mean_labelled_vjp>::call;
};

}  // namespace blip::inline BLIP_ABI
