// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

// Which bytes of device memory kernels ask for, counted at every load and every store: of kernels that were compiled
// with -fsanitize=thread, whose calls traffic.cpp answers in place of the sanitizer.
namespace simt {

struct traffic {
  std::uint64_t asked = 0;  // bytes, however often
  // 32 bytes at a time, loads and stores apart: each once for a block, whose first-level cache has it then, and each once
  // for a launch, whose blocks share a second-level cache. The last is what memory has to bring and take.
  std::uint64_t of_blocks = 0, of_launches = 0;
};
// Of the calling thread, since the last reset.
const traffic& memory_traffic();
void reset_traffic();

}  // namespace simt
