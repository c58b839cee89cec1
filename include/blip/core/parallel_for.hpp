// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "blip/core/function_ref.hpp"
#include "blip/core/version.hpp"

#if defined(_OPENMP) && !defined(BLIP_THREAD_POOL)
#include <omp.h>
#else
#include "blip/core/thread_pool.hpp"
#endif

namespace blip::inline BLIP_ABI {

// How many threads this process would use by itself.
inline int available_threads() {
#if defined(_OPENMP) && !defined(BLIP_THREAD_POOL)
  return omp_get_max_threads();
#else
  const unsigned n = std::thread::hardware_concurrency();
  return n > 0 ? static_cast<int>(n) : 1;
#endif
}

// Calls body(tile) for every tile in [0, tiles), on at most `threads` threads, each a contiguous share. Tiles are cut
// by the shape of the work, never by the thread count, so results do not depend on `threads`. Bodies must not throw.
inline void parallel_for(int threads, int tiles, function_ref<void(int)> body) {
  if (threads > tiles) threads = tiles;
  if (threads <= 1) {
    for (int tile = 0; tile < tiles; ++tile) body(tile);
    return;
  }
  const auto share = [&](int worker) {
    const auto first = static_cast<int>(std::int64_t{tiles} * worker / threads);
    const auto last = static_cast<int>(std::int64_t{tiles} * (worker + 1) / threads);
    for (int tile = first; tile < last; ++tile) body(tile);
  };
#if defined(_OPENMP) && !defined(BLIP_THREAD_POOL)
#pragma omp parallel num_threads(threads)
  {
    // A nested region gets fewer threads than asked for: each one then takes several shares.
    for (int worker = omp_get_thread_num(); worker < threads; worker += omp_get_num_threads()) share(worker);
  }
#else
  thread_pool::shared().run(threads, share);
#endif
}

}  // namespace blip::inline BLIP_ABI
