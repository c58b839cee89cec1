// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/core/arena.hpp"
#include "blip/core/device.hpp"

namespace blip::inline BLIP_ABI {

// The same values for inference only: weights of products in the layout and precision that the device's engine reads
// fastest, everything else plain; the given arena goes. Word tables stay plain, because rows of them are looked up.
arena<cpu> pack(device<cpu>& d, arena<cpu>&& values);

}  // namespace blip::inline BLIP_ABI

#if !defined(BLIP_EXPLICIT_ONLY)
#include "blip/backend/cpu/pack-inl.hpp"
#endif
