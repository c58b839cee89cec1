// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/types.hpp"
#include "blip/core/device.hpp"

namespace blip::inline BLIP_ABI {

// Lookups, patches and position tables of the processor; contracts in blip/backend/kernels.hpp.
struct cpu_embeddings {
  using in = matrix_view<const float>;
  using out = matrix_view<float>;
  using grad = gradient_view<float>;

  static void embed(device<cpu>& d, const int* ids, const sequence_layout& l, in words, in positions, in kind, out y);
  static void embed_vjp(device<cpu>& d, const int* ids, const sequence_layout& l, int padding, in dy, grad dwords,
                        grad dpositions, grad dkind);
  static void patchify(device<cpu>& d, in pixels, patch_geometry g, out y);
  static void patchify_vjp(device<cpu>& d, in dy, patch_geometry g, grad dpixels);
  static void tokens(device<cpu>& d, in x, in first, in positions, int sequences, out y);
  static void tokens_vjp(device<cpu>& d, in dy, int sequences, grad dx, grad dfirst, grad dpositions, bool has_first);
  static void resize_positions(device<cpu>& d, in table, position_grid from, position_grid to, out y);
  static void resize_positions_vjp(device<cpu>& d, in dy, position_grid from, position_grid to, grad dtable);
};

}  // namespace blip::inline BLIP_ABI

#if !defined(BLIP_EXPLICIT_ONLY)
#include "blip/backend/cpu/embeddings-inl.hpp"
#endif
