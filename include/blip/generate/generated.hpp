// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <type_traits>
#include <vector>

#include "blip/core/function_ref.hpp"

namespace blip::inline BLIP_ABI {

// One text that a sampler made.
struct generated {
  std::vector<int> tokens;     // the prompt excluded, the stop id included
  double log_probability = 0;  // the model's own, of these tokens: before penalties, filters and temperature
  double score = 0;            // what the sampler ranked by; where it ranks nothing, log_probability
  bool stopped = false;        // by the stop id, not by a limit or a caller
};

// For each prompt its texts; of beams the best first.
using generated_texts = std::vector<std::vector<generated>>;

// A sequence has grown by a token: what it holds now (of beams: what the best running one holds).
struct generation_progress {
  int sequence = 0;  // number of the prompt
  int sample = 0;
  std::span<const int> tokens;
  double log_probability = 0;
};

// Called after each token; when it gives false everything stops, and the texts are what they are by then.
using generation_observer = function_ref<bool(const generation_progress&)>;
inline constexpr auto unobserved = [](const generation_progress&) { return true; };

}  // namespace blip::inline BLIP_ABI
