// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
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

namespace detail {

// Tiles of several workers: each has a contiguous share, whose rows stay in its cache, and takes from the others' what
// is left when its own is done, so that nobody waits for more than a tile.
class tile_shares {
 public:
  tile_shares(int tiles, int workers) : shares_(std::min(workers, most)) {
    for (int s = 0; s < shares_; ++s) {
      next_[static_cast<std::size_t>(s)].tile.store(static_cast<int>(std::int64_t{tiles} * s / shares_),
                                                    std::memory_order_relaxed);
      next_[static_cast<std::size_t>(s)].end = static_cast<int>(std::int64_t{tiles} * (s + 1) / shares_);
    }
  }
  template <class F>
  void each(int worker, F body) {
    for (int i = 0; i < shares_; ++i) {
      share& from = next_[static_cast<std::size_t>((worker + i) % shares_)];
      for (int tile; (tile = from.tile.fetch_add(1, std::memory_order_relaxed)) < from.end;) body(tile);
    }
  }

 private:
  static constexpr int most = 16;  // of more workers several share one
  struct alignas(64) share {       // a cache line each
    std::atomic<int> tile;
    int end;
  };
  int shares_;
  std::array<share, most> next_;
};

// Whether others help the thread that calls. Beside other programs a worker may not be running when it is awaited;
// where regions take longer than their caller alone would, it works alone for a while and tries again.
class company {
 public:
  using clock = std::chrono::steady_clock;

  static company& of_this_thread() {
    thread_local company c;
    return c;
  }
  bool helps(clock::time_point now) const { return now >= alone_until_; }
  // A region of `tiles`, of which the caller did `own` in `worked` and then waited.
  void saw(clock::time_point now, clock::duration worked, clock::duration waited, int own, int tiles) {
    together_ += worked + waited;
    alone_ += own > 0 ? worked * tiles / own : worked + waited;
    if (together_ < trial) return;
    if (together_ > alone_) alone_until_ = now + rest;
    together_ = alone_ = {};
  }

 private:
  static constexpr clock::duration trial = std::chrono::milliseconds(20), rest = std::chrono::milliseconds(200);
  clock::duration together_{}, alone_{};
  clock::time_point alone_until_{};
};

template <class F>
void each_tile(int threads, int tiles, const F& body) {
  threads = std::min(threads, tiles);
  company* const others = threads > 1 ? &company::of_this_thread() : nullptr;
  const company::clock::time_point begin = others ? company::clock::now() : company::clock::time_point();
  if (!others || !others->helps(begin)) {
    for (int tile = 0; tile < tiles; ++tile) body(tile, 0);
    return;
  }
  tile_shares shares(tiles, threads);
  int own = 0;  // of the caller, and when it was done with them
  company::clock::time_point done = begin;
  const auto work = [&](int worker) {
    int n = 0;
    shares.each(worker, [&](int tile) {
      body(tile, worker);
      ++n;
    });
    if (worker == 0) own = n, done = company::clock::now();
  };
#if defined(_OPENMP) && !defined(BLIP_THREAD_POOL)
#pragma omp parallel num_threads(threads)
  work(omp_get_thread_num());  // a nested region may get fewer threads: they take all
#else
  thread_pool::shared().run(threads, work);
#endif
  const company::clock::time_point end = company::clock::now();
  others->saw(end, done - begin, end - done, own, tiles);
}

}  // namespace detail

// Calls body(tile) for every tile in [0, tiles), each once, on at most `threads` threads (on the caller's alone while
// it is faster so). Tiles are cut by the shape of the work, never by the thread count, so results do not depend on
// `threads`. Bodies must not throw, nor wait for each other.
inline void parallel_for(int threads, int tiles, function_ref<void(int)> body) {
  detail::each_tile(threads, tiles, [&](int tile, int) { body(tile); });
}

// The same with body(tile, worker), worker in [0, threads), for memory of its own: no two bodies that run at the same
// time have the same.
inline void parallel_for_workers(int threads, int tiles, function_ref<void(int, int)> body) {
  detail::each_tile(threads, tiles, [&](int tile, int worker) { body(tile, worker); });
}

}  // namespace blip::inline BLIP_ABI
