// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

// Insertions, deletions and replacements of letters between two texts (Levenshtein 1966), `bound` when there are as
// many or more. What both begin and end with costs nothing to skip, and names of parameters share most of it.
inline std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t bound) {
  while (!a.empty() && !b.empty() && a.front() == b.front()) a.remove_prefix(1), b.remove_prefix(1);
  while (!a.empty() && !b.empty() && a.back() == b.back()) a.remove_suffix(1), b.remove_suffix(1);
  if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) >= bound) return bound;
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t before = row[0]++, least = row[0];
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = before + (a[i] == b[j] ? 0u : 1u);
      before = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, before + 1});
      least = std::min(least, row[j + 1]);
    }
    if (least >= bound) return bound;
  }
  return std::min(row.back(), bound);
}

}  // namespace detail

// The names of a list that are the fewest letters away from one, at most `count` and less than half its length away,
// the nearest first. For hints, so long names count by their first 256 bytes.
[[gnu::cold]] inline std::vector<std::string> nearest_names(std::string_view name, std::span<const std::string> names,
                                                            std::size_t count = 1) {
  std::vector<std::pair<std::uint64_t, std::size_t>> best;  // distances, and whose
  name = name.substr(0, 256);
  std::size_t bound = name.size() / 2 + 1;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::size_t d = detail::edit_distance(name, std::string_view(names[i]).substr(0, 256), bound);
    if (d >= bound || count == 0) continue;
    best.emplace_back(d, i);
    std::sort(best.begin(), best.end());
    if (best.size() > count) best.pop_back();
    if (best.size() == count) bound = best.back().first;
  }
  std::vector<std::string> found;
  for (const auto& [distance, i] : best) found.push_back(names[i]);
  return found;
}

}  // namespace blip::inline BLIP_ABI
