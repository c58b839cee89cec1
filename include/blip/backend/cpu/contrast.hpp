// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/types.hpp"
#include "blip/core/device.hpp"

namespace blip::inline BLIP_ABI {

// The contrastive loss of the processor; contract in blip/backend/kernels.hpp.
struct cpu_contrast {
  using in = matrix_view<const float>;
  using out = matrix_view<float>;
  using grad = gradient_view<float>;

  static void contrast(device<cpu>& d, const contrast_inputs<float>& c, out loss, out stats);
  static void contrast_vjp(device<cpu>& d, const contrast_inputs<float>& c, in stats, in dloss, grad dqueries,
                           grad dtemperature);
};

}  // namespace blip::inline BLIP_ABI

#if !defined(BLIP_EXPLICIT_ONLY)
#include "blip/backend/cpu/contrast-inl.hpp"
#endif
