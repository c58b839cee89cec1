// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "blip/core/error.hpp"

namespace blip::inline BLIP_ABI {

// Examples of equal score.
struct score_group {
  long long positives = 0, negatives = 0;
};

// Binary labels sorted by score, from high to low; equal scores are one group. Throws shape_error for lists of
// different lengths, numeric_error for a score that is not a number.
inline std::vector<score_group> group_by_score(std::span<const int> labels, std::span<const double> scores,
                                               const char* where) {
  require_equal(where, "labels", static_cast<long long>(labels.size()), static_cast<long long>(scores.size()));
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (const auto at = std::find_if(scores.begin(), scores.end(), [](double s) { return std::isnan(s); });
      at != scores.end())
    throw numeric_error({std::string(where) + ": score " + std::to_string(at - scores.begin()), "a number", "nan", {}});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  std::vector<score_group> groups;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || scores[order[i]] != scores[order[i - 1]]) groups.emplace_back();
    ++(labels[order[i]] ? groups.back().positives : groups.back().negatives);
  }
  return groups;
}

}  // namespace blip::inline BLIP_ABI
