// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "blip/core/philox.hpp"

namespace blip::inline BLIP_ABI::scenes {

// What random numbers are for; numbers of different purposes never meet.
enum class purpose : std::uint32_t { scene = 1, twin, caption, noise, grain, question, sentence };

// The random numbers of one thing of a world, addressed by (seed, purpose, stream, index) and a slot, never drawn from a
// stream: any order of asking gives the same ones. The counter is (purpose and slot / 4, stream, index).
class draws {
 public:
  constexpr draws(std::uint64_t seed, purpose p, std::uint32_t stream, std::uint64_t index)
      : key_{mix(static_cast<std::uint32_t>(seed), 0x5ce7e5u), mix(static_cast<std::uint32_t>(seed >> 32), 0xb11bu)},
        site_(static_cast<std::uint32_t>(p) << 24),
        stream_(stream),
        index_(index) {}

  constexpr philox_counter block(std::uint32_t number) const {
    return philox({site_ | number, stream_, static_cast<std::uint32_t>(index_), static_cast<std::uint32_t>(index_ >> 32)},
                  key_);
  }
  constexpr std::uint32_t bits(std::uint32_t slot) const { return block(slot / 4)[slot % 4]; }
  // A whole number from 0 to below n.
  constexpr int below(std::uint32_t slot, int n) const {
    return static_cast<int>((std::uint64_t{bits(slot)} * static_cast<std::uint64_t>(n)) >> 32);
  }
  // A whole number from `first` to `last`.
  constexpr int between(std::uint32_t slot, int first, int last) const { return first + below(slot, last - first + 1); }
  constexpr bool chance(std::uint32_t slot, int percent) const { return below(slot, 100) < percent; }

 private:
  philox_key key_;
  std::uint32_t site_, stream_;
  std::uint64_t index_;
};

}  // namespace blip::inline BLIP_ABI::scenes
