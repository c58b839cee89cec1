// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/core/backend.hpp"

namespace blip::inline BLIP_ABI {

// Work that a back end is told once and then asked for with a single call. The primary template is for back ends that
// cannot; where it is `available`:
//
//   launch_graph()          holds nothing
//   capture(body)           what body() launches is kept, not done; false where that was not possible. Body may neither
//                           bring anything from the host nor wait
//   explicit operator bool  whether it holds something
//   replay()                does it, at the addresses of then
template <backend B>
struct launch_graph {
  static constexpr bool available = false;
};

}  // namespace blip::inline BLIP_ABI
