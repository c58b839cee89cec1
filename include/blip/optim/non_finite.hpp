// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <string>

#include "blip/core/error.hpp"
#include "blip/optim/gradient_norm.hpp"

namespace blip::inline BLIP_ABI {

// Whether a step counts.
enum class verdict { go, skip };

// What happens when a loss or a gradient is not finite (or too large for its square to be): the step is skipped, so
// that no such number reaches a weight, a moment, a queue or the momentum copy; after `stop_after` such steps in a row
// the run stops.
//   norm.measure(device, gradients);
//   if (policy.judge(loss, norm) == verdict::go) optimiser.step(...);
// The call changes nothing but its own count. With several ranks, give it the loss of all of them and reduced
// gradients, so that all ranks decide alike.
class non_finite {
 public:
  // Throws config_error when stop_after is not positive.
  explicit non_finite(int stop_after = 3) : stop_after_(stop_after) {
    if (stop_after < 1)
      throw config_error(
          {"non_finite: steps in a row that stop the run", "at least 1", std::to_string(stop_after), {}});
  }

  // Throws numeric_error, which names the first tensor, when the run has to stop.
  template <backend B>
  verdict judge(double loss, const gradient_norm<B>& norm) {
    if (std::isfinite(loss) && norm.finite()) {
      in_a_row_ = 0;
      culprit_.clear();
      return verdict::go;
    }
    const arena_layout::entry* const first = norm.first_non_finite();
    culprit_ = first ? "the gradient of " + first->name : std::isfinite(loss) ? "the gradients' norm" : "the loss";
    if (++in_a_row_ >= stop_after_)
      throw numeric_error({"training: " + culprit_ + " is not finite",
                           "at most " + std::to_string(stop_after_ - 1) + " such steps in a row",
                           std::to_string(in_a_row_) + " (loss " + std::to_string(loss) + ", norm of the gradients " +
                               std::to_string(norm.all()) + ")",
                           "lower the learning rate, clip the gradients, or look at the batch"});
    return verdict::skip;
  }

  // What was not finite in the last step; empty when all was.
  const std::string& culprit() const { return culprit_; }
  // Skipped steps since the last one that counted; part of what a checkpoint restores.
  int& in_a_row() { return in_a_row_; }

 private:
  int stop_after_;
  int in_a_row_ = 0;
  std::string culprit_;
};

}  // namespace blip::inline BLIP_ABI
