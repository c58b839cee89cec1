// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "blip/backend/cpu/pack.hpp"
#include "blip/backend/cpu/products-inl.hpp"

namespace blip::inline BLIP_ABI {

// Where nearly all weights take as much room packed as plain, these are packed where they are: further memory costs
// more time than the packing.
BLIP_INLINE arena<cpu> pack(device<cpu>& d, arena<cpu>&& values) {
  return cpu_engines::with_engine(d, [&]<class Engine, precision P>() {
    using E = gemm<Engine>;
    using entry = arena_layout::entry;
    const auto plain = [](const entry& e) { return static_cast<std::size_t>(e.size()) * sizeof(float); };
    const auto needed = [&](const entry& e) { return e.product ? E::packed_bytes(d, P, e.rows, e.cols) : plain(e); };
    const auto fits = [&](const entry& e) { return !e.product || (e.rows % E::panel == 0 && needed(e) == plain(e)); };
    const auto& entries = values.layout()->entries();
    std::size_t fitting = 0, panel = 0, size = 0;
    for (const entry& e : entries) {
      if (!fits(e)) continue;
      fitting += plain(e);
      if (e.product) panel = std::max(panel, E::packed_bytes(d, P, E::panel, e.cols));
    }
    const bool stay = fitting > values.bytes() / 8 * 7;
    std::vector<arena<cpu>::place> places;
    for (const entry& e : entries) {
      const bool moved = !stay || !fits(e);
      places.push_back({moved ? size : static_cast<std::size_t>(e.offset) * sizeof(float), e.product, moved});
      if (moved) size += (needed(e) + 63) / 64 * 64;
    }
    const int threads = cpu_tiles::threads(d);
    buffer<cpu, std::byte> moved(size), panels(stay ? panel * static_cast<std::size_t>(threads) : 0);
    // An entry is a task: threads that met after each of them would wait longer than they work.
    parallel_for_workers(threads, static_cast<int>(entries.size()), [&](int t, int worker) {
      const auto i = static_cast<std::size_t>(t);
      const entry& e = entries[i];
      float* from = values.data() + e.offset;
      if (places[i].moved) {
        std::byte* const to = moved.data() + places[i].offset;
        if (e.product)
          E::pack(d, 1, P, e.rows, e.cols, from, e.cols, to);
        else
          memory<cpu>::copy(to, from, plain(e));
      } else if (e.product) {
        std::byte* const one = panels.data() + panel * static_cast<std::size_t>(worker);
        const std::ptrdiff_t step = std::ptrdiff_t{E::panel} * e.cols;
        for (const float* const end = from + e.size(); from < end; from += step) {
          E::pack(d, 1, P, E::panel, e.cols, from, e.cols, one);
          memory<cpu>::copy(from, one, static_cast<std::size_t>(step) * sizeof(float));
        }
      }
    });
    return arena<cpu>::packed(std::move(values), std::move(moved), std::move(places));
  });
}

}  // namespace blip::inline BLIP_ABI
