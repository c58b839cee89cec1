// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "blip/core/error.hpp"

namespace blip::inline BLIP_ABI {

// Which samples each rank takes in each step when epochs do not run into one another: as a shuffling sampler with the last,
// incomplete batch left out. Step s of rank r takes the places first(s, r) ... + batch - 1 of epoch(s), to be looked up in
// a sample_order. Throws config_error where not even one step fits into an epoch.
class batch_plan {
 public:
  batch_plan(std::uint64_t samples, std::uint64_t batch, std::uint64_t ranks = 1)
      : batch_(batch), ranks_(ranks), steps_(batch > 0 && ranks > 0 ? samples / batch / ranks : 0) {
    if (steps_ == 0)
      throw config_error({"batch_plan", "a batch for each rank within an epoch",
                          std::to_string(ranks) + " batches of " + std::to_string(batch) + " of " +
                              std::to_string(samples) + " samples",
                          {}});
  }

  std::uint64_t steps() const { return steps_; }  // of an epoch
  std::uint64_t epoch(std::uint64_t step) const { return step / steps_; }
  std::uint64_t first(std::uint64_t step, std::uint64_t rank = 0) const {
    return (step % steps_ * ranks_ + rank) * batch_;
  }

 private:
  std::uint64_t batch_, ranks_, steps_;
};

}  // namespace blip::inline BLIP_ABI
