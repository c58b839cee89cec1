// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/types.hpp"
#include "blip/core/device.hpp"
#include "blip/core/dtype.hpp"

namespace blip::inline BLIP_ABI {

// Row-wise kernels of the processor; contracts in blip/backend/kernels.hpp.
struct cpu_rows {
  using in = matrix_view<const float>;
  using out = matrix_view<float>;
  using grad = gradient_view<float>;

  static void layer_norm(device<cpu>& d, in x, in gamma, in beta, double eps, out y, out stats);
  static void layer_norm_vjp(device<cpu>& d, in x, in gamma, in stats, in dy, grad dx, grad dgamma, grad dbeta);
  static void residual(device<cpu>& d, in x, in branch, const sequence_layout& l, const dropout_spec& drop, out y);
  static void residual_vjp(device<cpu>& d, in dy, const sequence_layout& l, const dropout_spec& drop, grad dx,
                           grad dbranch);
  static void activate(device<cpu>& d, in x, activation act, out y);
  static bool narrows(const device<cpu>& d) { return d.options().products == precision::bf16; }
  static void narrow(device<cpu>& d, in x, out y);
  static void widen(device<cpu>& d, in x, out y);
  static void scale(device<cpu>& d, in x, double factor, out y);
  static void scale_vjp(device<cpu>& d, in dy, double factor, grad dx);
  static void gather_rows(device<cpu>& d, in x, const int* index, out y);
  static void gather_rows_vjp(device<cpu>& d, const int* index, in dy, grad dx);
  static void scatter_rows(device<cpu>& d, in x, const int* index, out y);
  static void scatter_rows_vjp(device<cpu>& d, const int* index, in dy, grad dx);
  static void copy_columns(device<cpu>& d, in x, out y);
  static void copy_columns_vjp(device<cpu>& d, in dy, grad dx);
  static void l2_normalize(device<cpu>& d, in x, out y, out norms);
  static void l2_normalize_vjp(device<cpu>& d, in y, in norms, in dy, grad dx);
};

}  // namespace blip::inline BLIP_ABI

#if !defined(BLIP_EXPLICIT_ONLY)
#include "blip/backend/cpu/rows-inl.hpp"
#endif
