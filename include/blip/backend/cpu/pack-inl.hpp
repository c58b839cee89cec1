// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "blip/backend/cpu/pack.hpp"
#include "blip/backend/cpu/products-inl.hpp"

namespace blip::inline BLIP_ABI {

BLIP_INLINE arena<cpu> pack(device<cpu>& d, arena<cpu>&& values) {
  const auto& entries = values.layout()->entries();
  std::vector<arena<cpu>::place> places;
  std::size_t size = 0;
  const auto bytes_of = [&](const arena_layout::entry& e) {
    if (!e.product) return static_cast<std::size_t>(e.size()) * sizeof(float);
    return cpu_engines::with_engine(
        d, [&]<class Engine, precision P>() { return gemm<Engine>::packed_bytes(d, P, e.rows, e.cols); });
  };
  for (const auto& e : entries) {
    places.push_back({size, e.product});
    size += (bytes_of(e) + 63) / 64 * 64;
  }
  buffer<cpu, std::byte> bytes(size);
  // An entry is a task: threads that met after each of them would wait longer than they work.
  cpu_engines::with_engine(d, [&]<class Engine, precision P>() {
    parallel_for(cpu_tiles::threads(d), static_cast<int>(entries.size()), [&](int t) {
      const auto i = static_cast<std::size_t>(t);
      const auto& e = entries[i];
      const float* const from = values.data() + e.offset;
      std::byte* const to = bytes.data() + places[i].offset;
      if (e.product)
        gemm<Engine>::pack(d, 1, P, e.rows, e.cols, from, e.cols, to);
      else
        memory<cpu>::copy(to, from, static_cast<std::size_t>(e.size()) * sizeof(float));
    });
  });
  return arena<cpu>::packed(values.layout(), std::move(bytes), std::move(places));
}

}  // namespace blip::inline BLIP_ABI
