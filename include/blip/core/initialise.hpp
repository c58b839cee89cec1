// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <span>
#include <vector>

#include "blip/core/arena.hpp"
#include "blip/core/parallel_for.hpp"
#include "blip/core/philox.hpp"

namespace blip::inline BLIP_ABI {

// How wide normal starts spread. by_fan_in: weights of products start with 1 / sqrt(fan in), for small models that are
// trained from nothing in a few thousand steps, where 0.02 leaves a plateau.
struct initial_spread {
  double weights = 0.02, tables = 0.02;  // products; embeddings, class and position rows
  bool by_fan_in = false;
};

// Gives every parameter its start: biases 0, norm gains 1, weights N(0, spread), convolutions U(+-1 / sqrt(fan in)).
// A value depends on the seed and its own address only, so it has the same bits for any number of threads (0: all).
// Source: BERT's and timm's initialisation (std 0.02).
template <backend B>
void initialise(arena<B>& values, std::uint64_t seed, const initial_spread& spread = {}, int threads = 0) {
  using S = typename B::scalar;
  constexpr std::int64_t tile = 1 << 14;
  const int workers = threads > 0 ? threads : available_threads();
  std::vector<S> host;
  for (const auto& e : values.layout()->entries()) {
    const bool drawn = e.start == initial::normal || e.start == initial::uniform_fan_in;
    host.assign(static_cast<std::size_t>(e.size()), S(e.start == initial::ones    ? 1.0
                                                      : e.start == initial::value ? e.start_value
                                                                                  : 0.0));
    const random_site site{seed, nullptr, static_cast<std::uint32_t>(e.offset / 16)};
    const double root = std::sqrt(static_cast<double>(e.cols));
    const double std = !e.product ? spread.tables : spread.by_fan_in ? 1 / root : spread.weights;
    parallel_for(workers, drawn ? static_cast<int>((e.size() + tile - 1) / tile) : 0, [&](int t) {
      const auto first = static_cast<std::size_t>(t * tile), last = std::min(first + tile, host.size());
      for (std::size_t i = first; i < last; ++i) {
        const philox_counter words =
            site.block(0x1417u, static_cast<std::uint32_t>(i >> 32), static_cast<std::uint32_t>(i));
        const double u = (words[0] + 1.0) * 0x1p-32, v = words[1] * 0x1p-32;  // u in (0, 1]
        host[i] = e.start == initial::normal ? S(std * std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v))
                                             : S((2 * v - 1) / root);
      }
    });
    values.write(e, std::span<const S>(host));
  }
}

}  // namespace blip::inline BLIP_ABI
