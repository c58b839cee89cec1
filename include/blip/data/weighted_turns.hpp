// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "blip/core/error.hpp"

namespace blip::inline BLIP_ABI {

// Takes turns among several sources by their weights, evenly: of the first n turns source k has n w_k, give or take one
// for each source. Whose turn it is, and its how-manieth, are computed from the turn's number alone, in whole numbers.
// Throws config_error for weights that are not positive.
class weighted_turns {
 public:
  struct turn {
    std::size_t source;
    std::uint64_t number;  // how many turns this source had before

    friend bool operator==(const turn&, const turn&) = default;
  };

  explicit weighted_turns(std::span<const double> weights) {
    double rest = 0;
    for (const double w : weights) {
      if (!(w > 0 && std::isfinite(w)))
        throw config_error({"weighted_turns: weight", "a number above 0", std::to_string(w), {}});
      rest += w;
    }
    if (weights.empty()) throw config_error({"weighted_turns", "at least one source", "none", {}});
    for (const double w : weights) {  // the share of each among itself and those behind it, in 1 / 2^32
      share_.push_back(static_cast<std::uint64_t>(std::nearbyint(std::min(w / rest, 1.0) * 0x1p32)));
      rest -= w;
    }
    share_.back() = std::uint64_t{1} << 32;
  }

  turn at(std::uint64_t n) const {
    for (std::size_t k = 0;; ++k) {
      const std::uint64_t before = part(n, share_[k]);
      if (part(n + 1, share_[k]) > before || k + 1 == share_.size()) return {k, before};
      n -= before;
    }
  }

 private:
  // n share / 2^32, rounded.
  static std::uint64_t part(std::uint64_t n, std::uint64_t share) {
    const std::uint64_t high = (n >> 32) * share, low = (n & 0xffffffffu) * share;
    return high + (low >> 32) + (low >> 31 & 1u);
  }

  std::vector<std::uint64_t> share_;
};

}  // namespace blip::inline BLIP_ABI
