// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "goals/report.hpp"

namespace goals {

// Runs the workloads on the GPU and adds their times and bytes to the results, which are in the same order. Gives the
// name of the device; nothing, and does nothing, in a build without the CUDA back end (without_cuda.cpp).
std::string measure(bool tiny, const std::vector<int>& lengths, std::vector<result>& results);

}  // namespace goals
