// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/generate/log_sum_exp.hpp"
#include "blip/tasks/matcher.hpp"

namespace blip::inline BLIP_ABI {

// Probabilities of classes that nobody was trained for, [pictures, classes]: the softmax over the classes of
//   <v_i, c_k> / temperature,   c_k = u_k / |u_k|,   u_k the mean of the features of the prompts of class k,
// for features of unit length as a matcher gives them. The prompts of a class ("a photo of a cat", "a drawing of a
// cat") stand one after the other, equally many for each class; the temperature is the model's parameter "temp". Throws
// shape_error for prompts that do not share out among the classes or are of another width, config_error for a
// temperature that is not positive.
// Source: LAVIS, zero-shot classification; several prompts of a class: CLIP (Radford et al. 2021) section 3.1.4.
inline std::vector<double> zero_shot_probabilities(const feature_rows& pictures, const feature_rows& prompts,
                                                   int classes, double temperature) {
  if (classes < 1 || prompts.count < 1 || prompts.count % classes != 0)
    throw shape_error({"zero_shot_probabilities: prompts",
                       "equally many for each of 1 or more classes",
                       std::to_string(prompts.count) + " for " + std::to_string(classes),
                       {}});
  if (!(temperature > 0))
    throw config_error({"zero_shot_probabilities: temperature", "a positive number", std::to_string(temperature), {}});
  std::vector<double> out;
  if (pictures.count == 0) return out;
  require_equal("zero_shot_probabilities", "width of the prompts' features", prompts.width, pictures.width);
  const auto width = static_cast<std::size_t>(prompts.width), count = static_cast<std::size_t>(classes);
  std::vector<double> sums(count * width), scores(count);  // u_k, but for a factor
  const int each = prompts.count / classes;
  for (int p = 0; p < prompts.count; ++p)
    for (std::size_t i = 0; i < width; ++i)
      sums[static_cast<std::size_t>(p / each) * width + i] += static_cast<double>(prompts.row(p)[i]);
  for (int picture = 0; picture < pictures.count; ++picture) {
    for (std::size_t k = 0; k < count; ++k) {
      double product = 0, squares = 0;
      for (std::size_t i = 0; i < width; ++i) {
        const double u = sums[k * width + i];
        product += static_cast<double>(pictures.row(picture)[i]) * u, squares += u * u;
      }
      scores[k] = product / std::max(std::sqrt(squares), 1e-12) / temperature;
    }
    std::vector<double> x(count);
    const double all = log_sum_exp(std::span<const double>(scores), std::span<double>(x));
    for (const double score : x) out.push_back(std::exp(score - all));
  }
  return out;
}

}  // namespace blip::inline BLIP_ABI
