// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/eval/score_groups.hpp"

namespace blip::inline BLIP_ABI {

// Area under the ROC curve: the probability that a positive example (label not 0) scores above a negative one, ties
// counting one half. Throws shape_error for lists of different lengths and when one of the classes is missing,
// numeric_error for a score that is not a number. Source: Hanley and McNeil 1982; scikit-learn.
inline double roc_auc(std::span<const int> labels, std::span<const double> scores) {
  double positives = 0, negatives = 0, won = 0;
  for (const score_group& g : group_by_score(labels, scores, "roc_auc")) {
    const auto p = static_cast<double>(g.positives), n = static_cast<double>(g.negatives);
    won += n * (positives + p / 2);
    positives += p, negatives += n;
  }
  if (positives == 0 || negatives == 0)
    throw shape_error({"roc_auc: labels", "both classes", positives == 0 ? "no positive one" : "no negative one", {}});
  return won / (positives * negatives);
}

}  // namespace blip::inline BLIP_ABI
