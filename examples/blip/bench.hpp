// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "training.hpp"

namespace tool {

// The arithmetic of a training step, for those compositions that a build can count: FLOP for each of the texts (one
// multiply-add is two), forward and backward.
struct counted_training {
  std::string_view family, preset;
  bool queue;
  double (*flop)(const training_request&, const std::vector<std::vector<int>>& texts);
};
std::vector<counted_training>& counted_trainings();
struct added_count {
  explicit added_count(const counted_training& c) { counted_trainings().push_back(c); }
};

}  // namespace tool
