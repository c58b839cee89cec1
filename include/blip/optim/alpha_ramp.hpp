// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "blip/optim/train_position.hpp"

namespace blip::inline BLIP_ABI {

// The weight of the momentum model's distributions:
//   alpha min(1, (epoch n + iteration) / (epochs n)),  n the iterations of an epoch; alpha at once without epochs.
// One epoch: ALBEF and BLIP's retrieval; two: BLIP's pre-training and most recipes of LAVIS; none: ALBEF's entailment.
// Source: BLIP's pretrain.py, ALBEF's Pretrain.py.
struct alpha_ramp {
  double alpha = 0.4;
  int epochs = 1;

  double operator()(const train_position& at) const {
    if (epochs <= 0) return alpha;
    const auto n = static_cast<double>(at.iterations_per_epoch);
    return alpha * std::min(1.0, (at.epoch * n + static_cast<double>(at.iteration)) / (epochs * n));
  }
};

}  // namespace blip::inline BLIP_ABI
