// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <cstdint>
#include <iterator>
#include <map>
#include <set>

#include "blip/backend/reference.hpp"
#include "blip/core/packed_layout.hpp"
#include "blip/core/parallel_for.hpp"
#include "blip/core/thread_pool.hpp"
#include "support/catch.hpp"

using namespace blip;
using B = reference<double>;

namespace {

constexpr std::size_t sizes[] = {0, 1, 64, 65, 513, 5000, 1 << 20};

}  // namespace

TEST_CASE("a pool hands memory out again and counts it", "[core]") {
  pool<memory<B>> p;
  std::vector<void*> blocks;
  for (const std::size_t bytes : sizes) blocks.push_back(p.take(bytes));
  const std::size_t held = p.bytes_held();
  CHECK(std::set<void*>(blocks.begin(), blocks.end()).size() == blocks.size());
  CHECK(p.bytes_in_use() <= held);
  std::size_t i = 0;
  for (const std::size_t bytes : sizes) p.give(blocks[i++], bytes);
  CHECK(p.bytes_in_use() == 0);
  for (int round = 0; round < 3; ++round) {
    void* a = p.take(600000);  // a larger block serves
    void* b = p.take(5000);
    p.give(a, 600000), p.give(b, 5000);
  }
  CHECK(p.bytes_held() == held);
  void* again = p.take(1 << 20);
  CHECK(again == blocks.back());
  p.give(again, 1 << 20);
}

TEST_CASE("a pool loses at most an eighth to rounding", "[core]") {
  for (std::size_t bytes = 64; bytes < (1u << 20); bytes = bytes * 9 / 8 + 1) {
    pool<memory<B>> p;
    p.give(p.take(bytes), bytes);
    CHECK(p.bytes_held() >= bytes);
    CHECK(p.bytes_held() <= bytes + bytes / 8 + 64);
  }
}

TEST_CASE("large blocks of a pool never overlap, and free ones grow together", "[core]") {
  struct block {
    std::size_t bytes, mark;
  };
  pool<memory<B>> p;
  std::map<std::size_t*, block> live;
  std::uint32_t random = 1;
  const auto draw = [&](std::uint32_t below) {
    random = random * 1664525u + 1013904223u;
    return (random >> 8) % below;
  };
  const auto intact = [](std::size_t* at, const block& b) {
    return at[0] == b.mark && at[b.bytes / sizeof(std::size_t) - 1] == b.mark;
  };
  for (std::size_t i = 0; i < 4000; ++i)
    if (live.size() < 40 && draw(2) == 0) {
      const block b{(std::size_t{1} << 17) + draw(1u << 21), i};
      auto* const at = static_cast<std::size_t*>(p.take(b.bytes));
      CHECK(reinterpret_cast<std::uintptr_t>(at) % 64 == 0);
      at[0] = at[b.bytes / sizeof(std::size_t) - 1] = b.mark;
      live[at] = b;
    } else if (!live.empty()) {
      const auto old = std::next(live.begin(), draw(static_cast<std::uint32_t>(live.size())));
      REQUIRE(intact(old->first, old->second));
      p.give(old->first, old->second.bytes);
      live.erase(old);
    }
  CHECK(p.bytes_held() < p.bytes_peak() * 2);  // of sizes that never repeat
  for (const auto& [at, b] : live) p.give(at, b.bytes);
  CHECK(p.bytes_in_use() == 0);

  pool<memory<B>> q;  // two neighbours make room for one that is larger than either
  constexpr std::size_t one = 1 << 20;
  q.give(q.take(4 * one), 4 * one);
  void *a = q.take(one), *b = q.take(one), *rest = q.take(2 * one);
  q.give(b, one), q.give(a, one);
  CHECK(q.take(2 * one) == a);
  q.give(a, 2 * one), q.give(rest, 2 * one);
  CHECK(q.take(4 * one) == a);
  CHECK(q.bytes_held() == 4 * one);
  q.give(a, 4 * one);
}

TEST_CASE("buffers move, clone and copy to the host", "[core]") {
  const std::vector<int> values{3, 1, 2};
  buffer<B, int> a{std::span<const int>(values)};
  buffer<B, int> b = std::move(a), c = b.clone();
  c.write(std::vector<int>{9}, 1);
  CHECK(b.to_host() == values);
  CHECK(c.to_host() == std::vector<int>{3, 9, 2});
  CHECK(buffer<B, double>::zeros(3).to_host() == std::vector<double>(3));
}

TEST_CASE("layouts of packed sequences", "[core]") {
  const packed_layout<B> l(std::vector<int>{3, 1, 4});
  const sequence_layout v = l;
  CHECK((v.sequences == 3 && v.rows == 8 && v.longest == 4 && !v.gaps));
  CHECK((v.begin(2) == 4 && v.length(1) == 1 && v.position0(0) == 0 && v.stream(2) == 2));
  const packed_layout<B> spread(std::vector<int>{1, 6}, std::vector<int>{3, 4}, 12);
  CHECK((spread.view().gaps && spread.view().begin(1) == 6));
  const sequence_layout u = sequence_layout::uniform(3, 5, 2);
  CHECK((u.rows == 15 && u.begin(2) == 10 && u.stream(1) == 3));
  CHECK_THROWS_AS(packed_layout<B>(std::vector<int>{3, 0}), shape_error);
  CHECK_THROWS_AS(packed_layout<B>(std::vector<int>{9}, std::vector<int>{4}, 12), shape_error);
  CHECK_THROWS_AS(packed_layout<B>(std::vector<int>{0}, std::vector<int>{4, 1}, 12), shape_error);
  CHECK_THROWS_AS(packed_layout<B>(std::vector<int>{3, 1}).positions(std::vector<int>{1}), shape_error);
}

TEST_CASE("every tile is done once, however many threads", "[core]") {
  for (const int threads : {1, 2, 3, 8})
    for (const int tiles : {0, 1, 2, 7, 100}) {
      std::vector<std::atomic<int>> done(static_cast<std::size_t>(tiles));
      parallel_for(threads, tiles, [&](int t) { ++done[static_cast<std::size_t>(t)]; });
      for (const auto& d : done) CHECK(d == 1);
    }
}

TEST_CASE("the thread pool serves callers in turn", "[core]") {
  std::atomic<int> sum = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i)
    callers.emplace_back([&] {
      for (int round = 0; round < 50; ++round) thread_pool::shared().run(3, [&](int worker) { sum += worker; });
    });
  for (std::thread& t : callers) t.join();
  CHECK(sum == 4 * 50 * 3);
}

TEST_CASE("errors carry what, where, and what to do", "[core]") {
  const shape_error e({"place", "3", "4", "do this"});
  CHECK(std::string(e.what()) == "place\n  expected 3, found 4\n  do this");
  CHECK(e.code() == error_code::shape);
  CHECK_THROWS_AS(require_equal("op", "rows", 3, 4), shape_error);
  CHECK_NOTHROW(require_equal("op", "rows", 4, 4));
}

TEST_CASE("bf16 rounds to nearest even", "[core]") {
  CHECK(static_cast<float>(bf16(1.0f)) == 1.0f);
  CHECK(static_cast<float>(bf16(1.00390625f)) == 1.0f);        // a tie: to even
  CHECK(static_cast<float>(bf16(1.01171875f)) == 1.015625f);   // a tie: to even
  CHECK(static_cast<float>(bf16(-3.1415926f)) == -3.140625f);
  CHECK(static_cast<float>(bf16(std::numeric_limits<float>::infinity())) == std::numeric_limits<float>::infinity());
  CHECK(std::isnan(static_cast<float>(bf16(std::numeric_limits<float>::quiet_NaN()))));
}
