// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>

#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI {

// Brain float: the upper half of an IEEE single. Storage only; arithmetic is done in float.
struct bf16 {
  std::uint16_t bits = 0;

  bf16() = default;
  // Rounds to nearest, ties to even; NaN stays NaN.
  BLIP_HD explicit bf16(float x) {
    const auto u = std::bit_cast<std::uint32_t>(x);
    if ((u & 0x7fffffffu) > 0x7f800000u)
      bits = static_cast<std::uint16_t>((u >> 16) | 0x40u);
    else
      bits = static_cast<std::uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
  }
  BLIP_HD explicit operator float() const { return std::bit_cast<float>(std::uint32_t{bits} << 16); }
};

// In what the matrix products read their inputs. Accumulation, weights and everything else are the back end's scalar.
enum class precision { fp32, bf16 };

}  // namespace blip::inline BLIP_ABI
