// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI {

// FNV-1a of 64 bits: the same number for a name in every run, on every machine.
constexpr std::uint64_t hash_of_name(std::string_view name) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (const char c : name) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return h;
}

}  // namespace blip::inline BLIP_ABI
