// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "blip/backend/kernels.hpp"
#include "blip/core/arena.hpp"

namespace blip::inline BLIP_ABI {

// Whether a back end has a form of its own for weights that only inference reads.
template <class B>
concept packs_weights = requires(device<B>& d, matrix_view<const typename B::scalar> w, void* to) {
  {kernels<B>::packed_weight_bytes(d, 1, 1)};
  kernels<B>::pack_weight(d, w, to);
};

// The same values for inference only: weights of products in that form, everything else plain; the given arena goes.
// Word tables that products read as well are there in both forms. Where the device reads plain weights, nothing
// happens.
template <packs_weights B>
arena<B> pack(device<B>& d, arena<B>&& values) {
  if (kernels<B>::packed_weight_bytes(d, 1, 1) == 0) return std::move(values);
  using scalar = typename B::scalar;
  std::vector<typename arena<B>::place> places;
  std::size_t size = 0;
  const auto next = [&size](std::size_t bytes) { return std::exchange(size, size + (bytes + 63) / 64 * 64); };
  const auto& entries = values.layout()->entries();
  const auto plain = [](const auto& e) { return static_cast<std::size_t>(e.size()) * sizeof(scalar); };
  const auto packed = [&d](const auto& e) { return kernels<B>::packed_weight_bytes(d, e.rows, e.cols); };
  for (const auto& e : entries) {
    places.push_back({next(e.product ? packed(e) : plain(e)), e.product, true});
    if (!e.product && e.multiplied) places.back().beside = static_cast<std::ptrdiff_t>(next(packed(e)));
  }
  buffer<B, std::byte> moved(size);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& e = entries[i];
    const scalar* const from = values.data() + e.offset;
    std::byte* const to = moved.data() + places[i].offset;
    const matrix_view<const scalar> w{from, e.rows, e.cols, e.cols, nullptr};
    if (e.product)
      kernels<B>::pack_weight(d, w, to);
    else
      memory<B>::copy(to, from, plain(e));
    if (places[i].beside >= 0) kernels<B>::pack_weight(d, w, moved.data() + places[i].beside);
  }
  return arena<B>::packed(std::move(values), std::move(moved), std::move(places));
}

}  // namespace blip::inline BLIP_ABI
