// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "blip/core/philox.hpp"

namespace blip::inline BLIP_ABI {

// Where the random choices of one picture come from: the run's seed, the place of the sample in the data set, the
// epoch. Choices are addressed, so they do not depend on workers, ranks, order or what was drawn before.
struct picture_site {
  std::uint64_t seed = 0, sample = 0;
  std::uint32_t epoch = 0;

  // Uniform in [0, 1), with 32 bits.
  double uniform(std::uint32_t choice) const { return static_cast<double>(word(choice)) * 0x1p-32; }
  // Uniform in 0 .. count - 1.
  int below(std::uint32_t choice, int count) const {
    return static_cast<int>(static_cast<std::uint64_t>(word(choice)) * static_cast<std::uint64_t>(count) >> 32);
  }

 private:
  std::uint32_t word(std::uint32_t choice) const {
    constexpr std::uint32_t pictures = 0x70696373;  // keeps clear of what dropout draws under the same seed
    return philox(
        {choice / 4, epoch, static_cast<std::uint32_t>(sample), static_cast<std::uint32_t>(sample >> 32)},
        {mix(static_cast<std::uint32_t>(seed), pictures), static_cast<std::uint32_t>(seed >> 32)})[choice % 4];
  }
};

}  // namespace blip::inline BLIP_ABI
