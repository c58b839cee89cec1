// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>

#include "blip/backend/kernels.hpp"
#include "blip/core/arena.hpp"

namespace blip::inline BLIP_ABI {

// What clipping by the norm of all gradients together multiplies them with:  min(1, most / (norm + 1e-6)).
// Give it to adamw::step, which applies it on the way. Source: torch.nn.utils.clip_grad_norm_.
inline double clip_factor(double norm, double most) { return std::min(1.0, most / (norm + 1e-6)); }

// Clips the gradients themselves, for optimisers that take no factor. Those that no loss reached stay as they are.
template <backend B>
void clip(device<B>& d, gradients<B>& g, double norm, double most) {
  const double factor = clip_factor(norm, most);
  const auto& entries = g.values().layout()->entries();
  for (std::size_t i = 0; i < entries.size() && factor != 1; ++i) {
    if (!g.touched(static_cast<int>(i))) continue;
    const auto& e = entries[i];
    const matrix_view<typename B::scalar> view{g.values().data() + e.offset, e.rows, e.cols, e.cols, nullptr};
    kernels<B>::scale(d, view, factor, view);
  }
}

}  // namespace blip::inline BLIP_ABI
