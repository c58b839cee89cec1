// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/core/philox.hpp"

namespace blip::inline BLIP_ABI {

// The texts of a step in host memory, as a data pipeline gives them: token ids, without padding. Losses take what they
// need, and say what is missing.
struct examples {
  std::vector<std::vector<int>> texts;           // captions, questions, sentences
  std::vector<int> image_ids{};                  // equal numbers: the same picture; empty: all pictures differ
  std::vector<int> labels{};                     // a class per text
  std::vector<std::vector<int>> answers{};       // of all questions
  std::vector<int> answer_of{};                  // the question of each answer, ascending
  std::vector<double> answer_weights{};
};

// Where a step's host-side choices (masking) draw their numbers.
struct example_site {
  std::uint64_t seed = 0, step = 0;
  int first = 0;  // number of the first example among those of all ranks
};

inline void require_examples(bool given, const char* loss, const char* what) {
  if (!given) throw shape_error({std::string(loss) + ": examples", what, "none", "fill them in before prepare()"});
}

}  // namespace blip::inline BLIP_ABI
