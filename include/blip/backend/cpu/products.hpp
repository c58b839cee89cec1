// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/types.hpp"
#include "blip/core/device.hpp"

namespace blip::inline BLIP_ABI {

// Matrix products of the processor; blip/backend/kernels.hpp states each contract. device<cpu>::options() choose the
// engine (gemm.hpp) and the precision of the inputs of `affine` and its pullback; `similarity` is always fp32.
// Bits depend neither on the number of threads nor, for a row of `affine`, on the other rows.
struct cpu_products {
  using in = matrix_view<const float>;
  using out = matrix_view<float>;
  using grad = gradient_view<float>;

  static void affine(device<cpu>& d, in x, weight_view<float> w, in b, activation act, out y, out pre);
  static void affine_vjp(device<cpu>& d, in x, weight_view<float> w, activation act, in pre, in dy, grad dx, grad dw,
                         grad db);
  static void similarity(device<cpu>& d, in x, in y, in temperature, out s);
  static void similarity_vjp(device<cpu>& d, in x, in y, in temperature, in s, in ds, grad dx, grad dy,
                             grad dtemperature);
};

}  // namespace blip::inline BLIP_ABI

#if !defined(BLIP_EXPLICIT_ONLY)
#include "blip/backend/cpu/products-inl.hpp"
#endif
