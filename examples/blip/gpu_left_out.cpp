// SPDX-License-Identifier: Apache-2.0
#include "compute.hpp"

namespace tool {

gpu_state gpus() { return {}; }

}  // namespace tool
