// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI {

// What the logs of a run are given: {"itc", 1.25}. Views, for the duration of the call.
struct named_number {
  std::string_view name;
  double value;
};

struct named_text {
  std::string_view name, value;
};

}  // namespace blip::inline BLIP_ABI
