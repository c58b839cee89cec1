// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "blip/data/json_record.hpp"

namespace blip::inline BLIP_ABI {

inline constexpr std::array<std::string_view, 3> entailment_labels{"contradiction", "neutral", "entailment"};

// A sentence that a picture contradicts (0), leaves open (1) or entails (2), of SNLI-VE: {image, sentence, label}.
struct entailment_record {
  std::string image{}, sentence{};  // the file is called <image>.jpg
  int label = 0;
};

// Throws what json_record throws, format_error for another label.
inline entailment_record read_entailment(const json_record& r) {
  const std::string label = r.text("label");
  const auto at = std::find(entailment_labels.begin(), entailment_labels.end(), label);
  if (at == entailment_labels.end())
    r.fail("\"label\" contradiction, neutral or entailment", "\"" + label.substr(0, 64) + "\"");
  return {r.id("image") + ".jpg", r.text("sentence"), static_cast<int>(at - entailment_labels.begin())};
}

}  // namespace blip::inline BLIP_ABI
