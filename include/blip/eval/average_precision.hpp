// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/eval/score_groups.hpp"

namespace blip::inline BLIP_ABI {

// Average precision: over thresholds from high to low, the sum of precision times the gain in recall; equal scores are
// one threshold, nothing is interpolated. Throws shape_error for lists of different lengths and without a positive
// label, numeric_error for a score that is not a number. Equal to scikit-learn's average_precision_score.
inline double average_precision(std::span<const int> labels, std::span<const double> scores) {
  double positives = 0, seen = 0, sum = 0;
  for (const score_group& g : group_by_score(labels, scores, "average_precision")) {
    const auto gained = static_cast<double>(g.positives);
    positives += gained, seen += gained + static_cast<double>(g.negatives);
    sum += gained * positives / seen;
  }
  if (positives == 0) throw shape_error({"average_precision: labels", "a positive one", "none", {}});
  return sum / positives;
}

}  // namespace blip::inline BLIP_ABI
