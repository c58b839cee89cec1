// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "blip/core/arena_layout.hpp"
#include "blip/core/require_agreement.hpp"

namespace blip::inline BLIP_ABI {

// Throws distributed_error on every rank unless all have the same parameters, by name and shape.
template <class B>
void require_same_model(communicator<B>& ranks, const arena_layout& layout) {
  if (ranks.ranks() == 1) return;
  std::uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
  const auto add = [&](unsigned char byte) { hash = (hash ^ byte) * 0x100000001b3u; };
  for (const auto& e : layout.entries()) {
    for (const char c : e.name) add(static_cast<unsigned char>(c));
    for (const std::int64_t n : {std::int64_t{e.rows}, std::int64_t{e.cols}, e.offset})
      for (int shift = 0; shift < 64; shift += 8) add(static_cast<unsigned char>(n >> shift));
  }
  require_agreement(ranks, "training on several ranks",
                    {{"parameters", layout.parameters()},
                     {"names and shapes of the parameters, as a hash", static_cast<std::int64_t>(hash >> 1)}});
}

}  // namespace blip::inline BLIP_ABI
