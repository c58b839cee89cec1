// SPDX-License-Identifier: Apache-2.0
#include "blip/core/parallel_for.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <thread>
#include <vector>

#include "support/catch.hpp"

namespace {

using namespace blip;

TEST_CASE("parallel_for: every tile is done once, whatever the number of threads") {
  const int threads = GENERATE(1, 2, 3, 7, 40), tiles = GENERATE(0, 1, 2, 5, 64, 1000);
  std::vector<std::atomic<int>> done(static_cast<std::size_t>(tiles));
  parallel_for(threads, tiles, [&](int tile) { ++done[static_cast<std::size_t>(tile)]; });
  for (const auto& times : done) CHECK(times == 1);
}

TEST_CASE("parallel_for_workers: two bodies that run at the same time have different workers") {
  constexpr int threads = 5, tiles = 300;
  std::vector<std::atomic<int>> busy(threads);
  std::atomic<bool> shared = false, beyond = false;
  std::vector<std::atomic<int>> done(tiles);
  parallel_for_workers(threads, tiles, [&](int tile, int worker) {
    if (worker < 0 || worker >= threads) return beyond.store(true);
    if (busy[static_cast<std::size_t>(worker)].exchange(1) != 0) shared = true;
    ++done[static_cast<std::size_t>(tile)];
    busy[static_cast<std::size_t>(worker)] = 0;
  });
  CHECK_FALSE(shared);
  CHECK_FALSE(beyond);
  for (const auto& times : done) CHECK(times == 1);
}

TEST_CASE("parallel_for: a slow tile keeps only its own worker") {
  // The first tile waits for all others: were they shares of fixed size, those behind it would never be done.
  constexpr int tiles = 40;
  std::atomic<int> done = 0;
  std::atomic<bool> alone = false;
  std::thread([&] {  // one that has not tried yet whether others help
    parallel_for(2, tiles, [&](int tile) {
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
      while (tile == 0 && done < tiles - 1 && !alone) {
        std::this_thread::yield();
        alone = std::chrono::steady_clock::now() > end;
      }
      ++done;
    });
  }).join();
  CHECK(done == tiles);
  CHECK_FALSE(alone);
}

TEST_CASE("parallel_for: a caller whose helpers are slow goes on alone, and tries them again") {
  std::thread([] {
    const std::thread::id caller = std::this_thread::get_id();
    int alone = 0, others = 0;
    for (int i = 0; i < 100; ++i) {
      std::atomic<int> helped = 0;
      parallel_for(2, 4, [&](int) {
        const bool own = std::this_thread::get_id() == caller;
        if (!own) ++helped;
        std::this_thread::sleep_for(std::chrono::milliseconds(own ? 1 : 20));
      });
      ++(helped > 0 ? others : alone);
    }
    CHECK(alone > 75);  // every fifth of a second it tries one region with them
    CHECK(others > 0);
  }).join();
}

#if defined(_OPENMP) && !defined(BLIP_THREAD_POOL)
TEST_CASE("parallel_for: inside of a parallel region all tiles are done all the same") {
  std::atomic<int> done = 0;
  parallel_for(2, 2, [&](int) { parallel_for(3, 10, [&](int) { ++done; }); });
  CHECK(done == 20);
}
#endif

}  // namespace
