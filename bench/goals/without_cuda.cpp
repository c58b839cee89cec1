// SPDX-License-Identifier: Apache-2.0
#include "goals/gpu_goals.hpp"

namespace goals {

std::string measure(bool, const std::vector<int>&, std::vector<result>&) { return {}; }

}  // namespace goals
