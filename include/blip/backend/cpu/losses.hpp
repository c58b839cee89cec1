// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/types.hpp"
#include "blip/core/device.hpp"

namespace blip::inline BLIP_ABI {

// Cross entropies and reductions of the processor; contracts in blip/backend/kernels.hpp.
struct cpu_losses {
  using in = matrix_view<const float>;
  using out = matrix_view<float>;
  using grad = gradient_view<float>;

  static void cross_entropy(device<cpu>& d, in logits, const int* labels, double smoothing, in teacher, double alpha,
                            out loss, out lse);
  static void cross_entropy_vjp(device<cpu>& d, in logits, const int* labels, double smoothing, in teacher, double alpha,
                                in lse, in dloss, grad dlogits);
  static void soft_cross_entropy(device<cpu>& d, in logits, in targets, out loss, out lse);
  static void soft_cross_entropy_vjp(device<cpu>& d, in logits, in targets, in lse, in dloss, grad dlogits);
  static void weighted_sum(device<cpu>& d, in x, in weights, out y);
  static void weighted_sum_vjp(device<cpu>& d, in dy, in weights, grad dx);
  static void mean_labelled(device<cpu>& d, in x, const int* labels, out y);
  static void mean_labelled_vjp(device<cpu>& d, in dy, const int* labels, grad dx);
};

}  // namespace blip::inline BLIP_ABI

#if !defined(BLIP_EXPLICIT_ONLY)
#include "blip/backend/cpu/losses-inl.hpp"
#endif
