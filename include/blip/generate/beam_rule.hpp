// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <string>

#include "blip/core/error.hpp"

namespace blip::inline BLIP_ABI {

// How hypotheses are scored and when a search has ended. Score: sum of log-probabilities / length ^ length_penalty.
//   transformers_4_15  what the published code pins. Length: prompt and generated ids without the stop id. A search
//                      ends when the worst of `beams` hypotheses is no worse than the best candidate of the step, the
//                      stop id included, over the length before the step
//   transformers_4_30  the same, over that length + 1
//   transformers_5     length: generated ids with the stop id, without the prompt. The best running beam is compared;
//                      at the last step the best `beams` candidates are all there is to add
enum class beam_rule { transformers_4_15, transformers_4_30, transformers_5 };

struct beam_options {
  int beams = 3;
  int best = 1;  // texts of each prompt to give back
  double length_penalty = 1;
  bool stop_early = false;  // as soon as there are `beams` hypotheses (early_stopping)
  beam_rule rule = beam_rule::transformers_4_15;

  bool counts_prompt() const { return rule != beam_rule::transformers_5; }

  // Of a hypothesis with `made` generated ids, the stop id included if it has one.
  double score(double sum, int prompt, int made, bool stopped) const {
    return over(sum, counts_prompt() ? prompt + made - (stopped ? 1 : 0) : made);
  }
  // What running beams can still reach, judged by the best of a step (number `step`, from 1).
  double attainable(double best_sum, int prompt, int step) const {
    return over(best_sum, rule == beam_rule::transformers_4_15   ? prompt + step - 1
                          : rule == beam_rule::transformers_4_30 ? prompt + step
                                                                 : step);
  }

  void check() const {
    if (beams < 1 || best < 1 || best > beams)
      throw config_error({"beam_options: best and beams",
                          "1 at least, in this order",
                          std::to_string(best) + " and " + std::to_string(beams),
                          {}});
    if (!std::isfinite(length_penalty))
      throw config_error({"beam_options: length_penalty", "a finite number", std::to_string(length_penalty), {}});
  }

 private:
  // Both comparisons of a rule divide here: where they tie they tie exactly.
  double over(double sum, int length) const { return sum / std::pow(static_cast<double>(length), length_penalty); }
};

}  // namespace blip::inline BLIP_ABI
