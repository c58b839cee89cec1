// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tool {

// Where and how a model runs.
struct compute {
  int threads = 0;  // 0: all cores
  bool bf16 = false;
  bool plain_loops = false;  // the reference back end
  bool gpu = false;
};

// Whether this build has models for a GPU, and how many GPUs answer. Defined in gpu.cpp or gpu_left_out.cpp.
struct gpu_state {
  bool compiled = false;
  int count = 0;
};
gpu_state gpus();

}  // namespace tool
