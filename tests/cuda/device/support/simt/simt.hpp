// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

// Found in place of the emulated GPU's header when its tests are compiled for a real one: nobody chooses the order of
// its warps, so what is run under several orders there is run several times here.
namespace simt {

// A product of other rows is another algorithm of cuBLASLt, whose sums may have another order.
inline constexpr bool rows_keep_their_bits = false;

struct options {
  std::uint64_t seed = 0;
};
inline options& run_options() {
  static thread_local options unused;
  return unused;
}

}  // namespace simt
