// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <span>

#include "blip/core/error.hpp"

namespace blip::inline BLIP_ABI {

// Throws numeric_error unless x, the log of a sum of exponentials of logits, is finite; gives x.
inline double finite_log_sum(double x) {
  if (!std::isfinite(x))
    throw numeric_error({"generation: logits of a row", "finite numbers", "a sum of exponentials that is not finite",
                         "a weight or a pixel may not be finite"});
  return x;
}

// Copies a row of logits to double and gives log sum_i exp(x_i), summed in order: the log-probability of token i is
// x_i minus it. Throws numeric_error when a logit is not a number or none is finite.
template <class S>
double log_sum_exp(std::span<const S> logits, std::span<double> x) {
  double top = -INFINITY, sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<double>(logits[i]);
    top = std::max(top, x[i]);
  }
  for (const double v : x) sum += std::exp(v - top);
  return finite_log_sum(top + std::log(sum));
}

}  // namespace blip::inline BLIP_ABI
