// SPDX-License-Identifier: Apache-2.0
#include <cuda_runtime_api.h>

#include "blip/backend/cuda.hpp"
#include "goals/gpu_goals.hpp"
#include "goals/timed.hpp"
#include "goals/workloads.hpp"

namespace goals {

std::string measure(bool small, const std::vector<int>& lengths, std::vector<result>& results) {
  if (blip::gpu_count() == 0) return {};
  timed<blip::cuda> run({}, small ? 0.01 : 1.0, results);
  if (small)
    all_workloads<tiny, blip::cuda>(run, lengths);
  else
    all_workloads<published, blip::cuda>(run, lengths);
  cudaDeviceProp found{};
  return cudaGetDeviceProperties(&found, 0) == cudaSuccess ? found.name : "a GPU";
}

}  // namespace goals
