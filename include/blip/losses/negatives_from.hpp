// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI {

// Whose texts and pictures a pair is told from: those of its own rank, as the published code does, or those of all ranks,
// so that N ranks with batches of B compute what one with a batch of N B does.
enum class negatives_from { local, all_ranks };

}  // namespace blip::inline BLIP_ABI
