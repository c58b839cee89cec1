// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI {

// Where a run stands before an update: all counted from 0, the iteration within its epoch. Schedules and ramps are
// functions of it alone, so a run that goes on from a checkpoint needs no state of theirs.
struct train_position {
  int epoch = 0;
  std::int64_t iteration = 0;
  std::int64_t iterations_per_epoch = 1;
};

}  // namespace blip::inline BLIP_ABI
