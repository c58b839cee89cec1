// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace blip_test {

// FNV-1a, 64 bits, over bytes.
template <class Bytes>
std::uint64_t fnv(const Bytes& bytes, std::uint64_t h = 0xcbf29ce484222325u) {
  for (const auto b : bytes) h = (h ^ static_cast<std::uint8_t>(b)) * 0x100000001b3u;
  return h;
}

}  // namespace blip_test
