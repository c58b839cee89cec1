// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <numbers>
#include <span>
#include <vector>

#include "blip/core/arena.hpp"
#include "blip/core/philox.hpp"

namespace blip::inline BLIP_ABI {

// Gives every parameter its start: biases 0, norm gains 1, weights N(0, std), convolutions U(+-1 / sqrt(fan in)).
// A value depends on the seed and its own address only. Source: BERT's and timm's initialisation (std 0.02).
template <backend B>
void initialise(arena<B>& values, std::uint64_t seed, double std = 0.02) {
  using S = typename B::scalar;
  for (const auto& e : values.layout()->entries()) {
    const random_site site{seed, nullptr, static_cast<std::uint32_t>(e.offset / 16)};
    std::vector<S> host(static_cast<std::size_t>(e.size()), S(e.start == initial::ones ? 1.0 : e.start == initial::value ? e.start_value : 0.0));
    for (std::size_t i = 0; i < host.size(); ++i) {
      const philox_counter words = site.block(0x1417u, static_cast<std::uint32_t>(i >> 32), static_cast<std::uint32_t>(i));
      const double u = (words[0] + 1.0) * 0x1p-32, v = words[1] * 0x1p-32;  // u in (0, 1]
      if (e.start == initial::normal)
        host[i] = S(std * std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v));
      else if (e.start == initial::uniform_fan_in)
        host[i] = S((2 * v - 1) / std::sqrt(static_cast<double>(e.cols)));
    }
    values.write(e, std::span<const S>(host));
  }
}

}  // namespace blip::inline BLIP_ABI
