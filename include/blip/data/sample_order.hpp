// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "blip/core/error.hpp"
#include "blip/core/philox.hpp"

namespace blip::inline BLIP_ABI {

// A shuffled order that is computed and not stored: index(epoch, place) is a permutation of 0 ... size - 1 for each
// (seed, epoch), so that a run's place in its data is one number. Neighbours within a `block` stay neighbours in their
// order (twins of a generated world); a last block that is not whole stays at the end.
// A Feistel network of six rounds over the smallest square of a power of two that holds all blocks; numbers beyond them
// are sent through again ("cycle walking", Black & Rogaway 2002), at most four times on average. Throws config_error.
class sample_order {
 public:
  explicit sample_order(std::uint64_t size, std::uint64_t seed, std::uint64_t block = 1)
      : size_(size), block_(block), blocks_(block > 0 ? size / block : 0), seed_(seed) {
    if (size == 0 || block == 0 || size >> 60 != 0)
      throw config_error({"sample_order", "samples, in blocks of at least one",
                          std::to_string(size) + " samples in blocks of " + std::to_string(block), {}});
    while (half_ < 32 && (std::uint64_t{1} << 2 * half_) < blocks_) ++half_;
  }

  std::uint64_t size() const { return size_; }

  // Which sample stands at a place of an epoch; place < size().
  std::uint64_t index(std::uint64_t epoch, std::uint64_t place) const {
    const std::uint64_t within = place % block_;
    std::uint64_t b = place / block_;
    if (b >= blocks_) return place;
    do b = permuted(epoch, b);
    while (b >= blocks_);
    return b * block_ + within;
  }
  // The same, counted on through the epochs.
  std::uint64_t at(std::uint64_t position) const { return index(position / size_, position % size_); }

 private:
  std::uint64_t permuted(std::uint64_t epoch, std::uint64_t b) const {
    const std::uint64_t mask = (std::uint64_t{1} << half_) - 1;
    std::uint64_t left = b >> half_, right = b & mask;
    const philox_key key{mix(static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(epoch)),
                         mix(static_cast<std::uint32_t>(seed_ >> 32), static_cast<std::uint32_t>(epoch >> 32) + 1u)};
    for (std::uint32_t round = 0; round < 6; ++round) {
      const philox_counter f = philox({0x0bde5u, round, static_cast<std::uint32_t>(right), 0}, key);
      const std::uint64_t next = left ^ (f[0] & mask);
      left = right, right = next;
    }
    return left << half_ | right;
  }

  std::uint64_t size_, block_, blocks_, seed_;
  unsigned half_ = 1;
};

}  // namespace blip::inline BLIP_ABI
