// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/core/philox.hpp"
#include "blip/data/hash_of_name.hpp"
#include "blip/data/pair_set.hpp"

namespace blip::inline BLIP_ABI {

// A set in two: what is learnt from, and what it is measured on.
struct held_out_pairs {
  pair_set rest, test;
};

// Holds out a share of the pictures, at least one and at most so many, with all their captions. Which ones is decided
// by seed and name alone, whatever order the set is in. A sample whose name cannot be read stays in the rest, where it
// is counted when it is asked for. Throws config_error for a share outside (0, 1) and for a set of fewer than two
// pictures.
inline held_out_pairs hold_out(const pair_set& all, double share, std::size_t most, std::uint64_t seed = 0) {
  if (!(share > 0 && share < 1) || most < 1)
    throw config_error({"hold_out: share and number of pictures",
                        "a share between 0 and 1, a number from 1 on",
                        std::to_string(share) + " and " + std::to_string(most),
                        {}});
  std::vector<std::uint64_t> picture_of(static_cast<std::size_t>(all.size()));  // of each sample
  std::vector<std::tuple<std::uint64_t, std::string_view, std::uint64_t>> order;
  std::unordered_map<std::string, std::uint64_t> numbers;  // keeps its keys where they are
  constexpr std::uint64_t unknown = ~std::uint64_t{0};
  for (std::uint64_t i = 0; i < all.size(); ++i) {
    std::uint64_t& mine = picture_of[static_cast<std::size_t>(i)];
    mine = unknown;
    try {
      const auto [at, is_new] = numbers.emplace(all.name(i), numbers.size());
      mine = at->second;
      if (!is_new) continue;
      const std::uint64_t h = hash_of_name(at->first);
      const philox_counter drawn =
          philox({static_cast<std::uint32_t>(h), static_cast<std::uint32_t>(h >> 32), 0, 0},
                 {mix(static_cast<std::uint32_t>(seed), 0x601d0u), static_cast<std::uint32_t>(seed >> 32)});
      order.emplace_back(std::uint64_t{drawn[0]} << 32 | drawn[1], at->first, at->second);
    } catch (const error&) {  // of this sample; it will be asked for again
    }
  }
  if (order.size() < 2)
    throw config_error({"hold_out: pictures", "2 or more", std::to_string(order.size()), "name a set to test on"});
  const auto wanted = static_cast<std::size_t>(std::lround(share * static_cast<double>(order.size())));
  const std::size_t count = std::min({std::max<std::size_t>(wanted, 1), most, order.size() - 1});
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end());
  std::unordered_set<std::uint64_t> chosen;
  for (std::size_t k = 0; k < count; ++k) chosen.insert(std::get<2>(order[k]));
  std::vector<std::uint64_t> rest, test;
  for (std::uint64_t i = 0; i < all.size(); ++i)
    (chosen.contains(picture_of[static_cast<std::size_t>(i)]) ? test : rest).push_back(i);
  return {choose_pairs(all, std::move(rest)), choose_pairs(all, std::move(test))};
}

}  // namespace blip::inline BLIP_ABI
