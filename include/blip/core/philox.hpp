// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI {

// Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a bijection of a counter
// under a key. Random numbers are addressed, never drawn from a stream, so recomputation, micro-batches, thread counts
// and ranks all see the same ones.
using philox_counter = std::array<std::uint32_t, 4>;
using philox_key = std::array<std::uint32_t, 2>;

BLIP_HD constexpr philox_counter philox(philox_counter c, philox_key k) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * c[2];
    c = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k[0], static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k[1], static_cast<std::uint32_t>(p0)};
    k[0] += 0x9E3779B9u;
    k[1] += 0xBB67AE85u;
  }
  return c;
}

// Mixes two words into one (the finaliser of MurmurHash3); used to name sites and keys.
BLIP_HD constexpr std::uint32_t mix(std::uint32_t a, std::uint32_t b) {
  std::uint32_t h = a ^ (b + 0x9e3779b9u + (a << 6) + (a >> 2));
  h = (h ^ (h >> 16)) * 0x85ebca6bu;
  h = (h ^ (h >> 13)) * 0xc2b2ae35u;
  return h ^ (h >> 16);
}

// Uniform in [0, 1) with 24 bits, exact in float.
BLIP_HD constexpr float to_unit(std::uint32_t bits) { return static_cast<float>(bits >> 8) * 0x1p-24f; }

// Where a random number comes from: the key is (seed, step), the counter (site, row stream, row, column / 4) and the
// column modulo 4 picks one of the four words. `step` is the only part that lives in back-end memory.
struct random_site {
  std::uint64_t seed = 0;
  const std::uint64_t* step = nullptr;  // back-end memory; null reads as step 0
  std::uint32_t site = 0;               // parameter offset combined with the scope's name

  BLIP_HD philox_key key() const {
    const std::uint64_t at = step ? *step : 0;
    return {mix(static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(at)),
            mix(static_cast<std::uint32_t>(seed >> 32), static_cast<std::uint32_t>(at >> 32) + 1u)};
  }
  BLIP_HD philox_counter block(std::uint32_t stream, std::uint32_t row, std::uint32_t column_block) const {
    return philox({site, stream, row, column_block}, key());
  }
  BLIP_HD float uniform(std::uint32_t stream, std::uint32_t row, std::uint32_t column) const {
    return to_unit(block(stream, row, column / 4)[column % 4]);
  }
};

// Inverted dropout: an element survives when its uniform number is at least `rate`, and is divided by 1 - rate.
// `path_rate` drops a whole sequence the same way (drop-path, "stochastic depth").
struct dropout_spec {
  float rate = 0;
  float path_rate = 0;
  random_site at{};

  BLIP_HD bool active() const { return rate > 0 || path_rate > 0; }
};

}  // namespace blip::inline BLIP_ABI
