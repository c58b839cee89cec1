// SPDX-License-Identifier: Apache-2.0
#include "blip/backend/cuda.hpp"
#include "compute.hpp"

namespace tool {

gpu_state gpus() { return {.compiled = true, .count = blip::gpu_count()}; }

}  // namespace tool
