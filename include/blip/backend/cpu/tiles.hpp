// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "blip/core/device.hpp"
#include "blip/core/parallel_for.hpp"

// How the processor's kernels cut their work. Tiles follow from the shape alone, so bits do not depend on the threads.
namespace blip::inline BLIP_ABI::cpu_tiles {

inline int threads(const device<cpu>& d) { return d.options().threads > 0 ? d.options().threads : available_threads(); }

inline constexpr int tile_values = 8192;  // work worth waking a thread for

// f(row) for `rows` rows of `width` values each.
template <class F>
void each_row(const device<cpu>& d, int rows, int width, F f) {
  const int high = std::max(1, tile_values / std::max(1, width));
  parallel_for(threads(d), (rows + high - 1) / high, [&](int t) {
    for (int r = t * high; r < std::min(rows, (t + 1) * high); ++r) f(r);
  });
}

// f(first, count) for stretches of columns: for sums over rows, and for rows that are added to each other's place.
template <class F>
void each_column_range(const device<cpu>& d, int width, F f) {
  constexpr int wide = 64;
  parallel_for(threads(d), (width + wide - 1) / wide, [&](int t) { f(t * wide, std::min(wide, width - t * wide)); });
}

}  // namespace blip::inline BLIP_ABI::cpu_tiles
