// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "blip/backend/kernels.hpp"
#include "blip/core/arena.hpp"
#include "blip/core/communicator.hpp"

namespace blip::inline BLIP_ABI {

// Gradients become their mean over the ranks, the same bits on all. A parameter counts as reached when a loss of any rank
// reached it. One collective over the whole arena: what lies in it for parameters that no loss reached is nobody's.
template <class B>
void average_gradients(device<B>& d, gradients<B>& g, communicator<B>& ranks) {
  using S = typename B::scalar;
  if (ranks.ranks() == 1) return;
  const auto& entries = g.values().layout()->entries();
  std::vector<char> own(entries.size());
  for (std::size_t i = 0; i < own.size(); ++i) own[i] = g.touched(static_cast<int>(i));
  std::vector<char> reached(own.size() * static_cast<std::size_t>(ranks.ranks()));
  ranks.all_gather_host(own.data(), reached.data(), own.size());
  for (std::size_t i = 0; i < reached.size(); ++i)
    if (reached[i]) g.reach(static_cast<int>(i % own.size()));

  ranks.all_reduce(g.values().data(), static_cast<std::size_t>(g.values().size()));
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!g.touched(static_cast<int>(i))) continue;
    const auto& e = entries[i];
    const matrix_view<S> v{g.values().data() + e.offset, e.rows, e.cols, e.cols, nullptr};
    kernels<B>::scale(d, v, 1.0 / ranks.ranks(), v);
  }
}

}  // namespace blip::inline BLIP_ABI
