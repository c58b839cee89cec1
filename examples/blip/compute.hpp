// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tool {

// Where and how a model runs.
struct compute {
  int threads = 0;  // 0: all cores
  bool bf16 = false;
  bool plain_loops = false;  // the reference back end
};

}  // namespace tool
