// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "blip/data/batch_plan.hpp"
#include "blip/data/pair_stream.hpp"
#include "blip/data/prefetch.hpp"
#include "blip/data/scenes/pairs.hpp"
#include "support/catch.hpp"

using namespace blip;

namespace {

// Numbered pairs; those that `broken` names throw.
struct numbered {
  std::string name;
  std::uint64_t count;
  std::set<std::uint64_t> broken{};
  std::uint64_t neighbours = 1;

  std::uint64_t size() const { return count; }
  std::uint64_t block() const { return neighbours; }
  captioned_picture sample(std::uint64_t i) const {
    if (broken.count(i) != 0) throw format_error({name + " " + std::to_string(i), "a picture", "none", {}});
    return {{}, std::to_string(i), name};
  }
};

std::vector<std::uint64_t> epoch_of(const sample_order& order, std::uint64_t epoch) {
  std::vector<std::uint64_t> all;
  for (std::uint64_t p = 0; p < order.size(); ++p) all.push_back(order.index(epoch, p));
  return all;
}

}  // namespace

TEST_CASE("sample_order: every epoch has every sample once, in an order of its own") {
  for (const std::uint64_t size : {1u, 2u, 3u, 5u, 16u, 17u, 997u, 4096u}) {
    const sample_order order(size, 42);
    for (const std::uint64_t epoch : {0u, 1u, 7u}) {
      auto all = epoch_of(order, epoch);
      std::sort(all.begin(), all.end());
      for (std::uint64_t i = 0; i < size; ++i) REQUIRE(all[i] == i);
    }
  }
  const sample_order order(997, 42);
  CHECK(epoch_of(order, 0) != epoch_of(order, 1));
  CHECK(epoch_of(order, 0) != epoch_of(sample_order(997, 43), 0));
  CHECK(order.at(997 * 3 + 5) == order.index(3, 5));
}

TEST_CASE("sample_order: no place prefers a sample") {
  const sample_order order(10, 1);
  std::array<std::array<int, 10>, 10> seen{};
  for (std::uint64_t epoch = 0; epoch < 5000; ++epoch)
    for (std::uint64_t p = 0; p < 10; ++p) ++seen[p][order.index(epoch, p)];
  for (const auto& row : seen)
    for (const int n : row) CHECK(std::abs(n - 500) < 120);  // more than five deviations
  // Successors are not neighbours more often than chance has it.
  const sample_order large(10'000, 9);
  int close = 0;
  for (std::uint64_t p = 0; p + 1 < 10'000; ++p) close += large.index(0, p) + 1 == large.index(0, p + 1);
  CHECK(close < 10);
}

TEST_CASE("sample_order: blocks stay together, and what is left over stays at the end") {
  const sample_order order(23, 5, 2);
  auto all = epoch_of(order, 4);
  for (std::size_t p = 0; p < 22; p += 2) {
    CHECK(all[p] % 2 == 0);
    CHECK(all[p + 1] == all[p] + 1);
  }
  CHECK(all[22] == 22);
  std::sort(all.begin(), all.end());
  CHECK(std::unique(all.begin(), all.end()) == all.end());
}

TEST_CASE("sample_order: sizes up to 2^60 cost no more, none and no block are refused") {
  const sample_order huge((std::uint64_t{1} << 60) - 1, 3);
  std::set<std::uint64_t> seen;
  for (std::uint64_t p = 0; p < 1000; ++p) seen.insert(huge.index(0, p));
  CHECK(seen.size() == 1000);
  CHECK(*seen.rbegin() < huge.size());
  CHECK(*seen.rbegin() > huge.size() / 2);
  CHECK_THROWS_AS(sample_order(0, 1), config_error);
  CHECK_THROWS_AS(sample_order(5, 1, 0), config_error);
}

TEST_CASE("weighted_turns: shares are even over any stretch, and each source counts on without a gap") {
  const std::array<double, 4> weights{1, 2.5, 0.01, 6};
  const weighted_turns turns(weights);
  std::array<std::uint64_t, 4> taken{};
  for (std::uint64_t n = 0; n < 20'000; ++n) {
    const auto t = turns.at(n);
    REQUIRE(t.number == taken[t.source]);
    ++taken[t.source];
    for (std::size_t k = 0; k < 4; ++k)
      REQUIRE(std::abs(static_cast<double>(taken[k]) - static_cast<double>(n + 1) * weights[k] / 9.51) < 4);
  }
  const std::array<double, 1> alone{7};
  CHECK(weighted_turns(alone).at(123'456'789'012) == weighted_turns::turn{0, 123'456'789'012});
  CHECK_THROWS_AS(weighted_turns(std::array<double, 2>{1, 0}), config_error);
  CHECK_THROWS_AS(weighted_turns(std::array<double, 2>{1, -1}), config_error);
  CHECK_THROWS_AS(weighted_turns({}), config_error);
}

TEST_CASE("pair_stream: a position is all that there is to remember") {
  const auto make = [] {
    return pair_stream({{numbered{"a", 7}, 1}, {numbered{"b", 5}, 2}}, {.seed = 8});
  };
  const pair_stream whole = make();
  std::vector<captioned_picture> all;
  for (std::uint64_t p = 0; p < 100; ++p) all.push_back(whole.at(p));
  const pair_stream later = make();
  for (std::uint64_t p = 100; p-- > 60;) CHECK(later.at(p) == all[p]);
  std::map<std::string, std::map<std::string, int>> seen;
  for (std::uint64_t p = 0; p < 105; ++p) {
    const auto s = whole.at(p);
    ++seen[s.id][s.caption];
  }
  for (const auto& [caption, n] : seen["a"]) CHECK(n == 5);   // 35 turns of 7 samples
  for (const auto& [caption, n] : seen["b"]) CHECK(n == 14);  // 70 turns of 5 samples
}

TEST_CASE("pair_stream: equally long sources are not read in step, and unshuffled ones in order") {
  const pair_stream mixed({{numbered{"a", 50}, 1}, {numbered{"b", 50}, 1}});
  int same = 0;
  for (std::uint64_t p = 0; p < 100; p += 2) same += mixed.find(p).index == mixed.find(p + 1).index;
  CHECK(same < 10);
  const pair_stream plain({{numbered{"a", 5}, 1}}, {.shuffled = false});
  for (std::uint64_t p = 0; p < 20; ++p) CHECK(plain.find(p) == pair_stream::place{0, p / 5, p % 5});
}

TEST_CASE("pair_stream: twins meet in one batch, also among other sources") {
  const scenes::pairs twins(scenes::world(scenes::world_size::mini), scenes::split::web);
  const pair_stream mixed({{twins, 1}, {numbered{"b", 11}, 2}});
  REQUIRE(mixed.block() == 2);
  for (std::uint64_t p = 0; p < 600; p += 2) {
    const auto a = mixed.find(p), b = mixed.find(p + 1);
    REQUIRE(a.source == b.source);
    if (a.source == 0) REQUIRE((a.index ^ 1) == b.index);
  }
}

TEST_CASE("pair_stream: a broken sample is counted and the next one takes its place") {
  const pair_stream stream({{numbered{"a", 400, {17, 18}}, 1}}, {.skipped = std::make_shared<skipped_samples>(0.02)});
  int replaced = 0;
  for (std::uint64_t p = 0; p < 400; ++p) {
    const auto place = stream.find(p);
    const auto caption = stream.at(p).caption;
    if (place.index == 17 || place.index == 18) {
      CHECK(caption == "19");
      ++replaced;
    } else {
      REQUIRE(caption == std::to_string(place.index));
    }
  }
  CHECK(replaced == 2);
  CHECK(stream.skipped()->skipped() == 3);  // 17 and then 18; 18
  CHECK(stream.skipped()->causes().at("format, expected a picture") == 3);
}

TEST_CASE("pair_stream: more than one broken sample in a hundred stops the job and says which") {
  std::set<std::uint64_t> broken;
  for (std::uint64_t i = 0; i < 1000; i += 20) broken.insert(i);
  const pair_stream stream({{numbered{"a", 1000, broken}, 1}});
  std::uint64_t p = 0;
  std::string text;
  try {
    for (; p < 1000; ++p) stream.at(p);
  } catch (const format_error& e) {
    text = e.what();
  }
  CHECK(p > 20);
  CHECK(p < 400);
  CHECK(text.find("samples that cannot be used") == 0);
  CHECK(text.find("expected at most 1 % of them, found ") != text.npos);
  CHECK(text.find("the last one: a ") != text.npos);
  const auto all_broken = std::make_shared<skipped_samples>(1.0);
  std::set<std::uint64_t> all;
  for (std::uint64_t i = 0; i < 30; ++i) all.insert(i);
  CHECK_THROWS_AS(pair_stream({{numbered{"a", 30, all}, 1}}, {.skipped = all_broken}).at(0), format_error);
  CHECK(all_broken->skipped() == 17);
}

TEST_CASE("batch_plan: ranks share an epoch without overlap and leave its incomplete end out") {
  const batch_plan plan(103, 8, 3);
  CHECK(plan.steps() == 4);
  std::set<std::uint64_t> places;
  for (std::uint64_t step = 4; step < 8; ++step) {
    CHECK(plan.epoch(step) == 1);
    for (std::uint64_t rank = 0; rank < 3; ++rank)
      for (std::uint64_t j = 0; j < 8; ++j) places.insert(plan.first(step, rank) + j);
  }
  CHECK(places.size() == 96);
  CHECK(*places.rbegin() == 95);
  CHECK_THROWS_AS(batch_plan(10, 11), config_error);
  CHECK_THROWS_AS(batch_plan(10, 0), config_error);
  CHECK_THROWS_AS(batch_plan(10, 4, 3), config_error);
}

TEST_CASE("prefetch: items come in order for any number of threads, from any position on") {
  for (const int threads : {0, 1, 2, 5}) {
    std::atomic<int> running{0}, most{0};
    prefetch<std::uint64_t> items(
        [&](std::uint64_t n) {
          const int now = ++running;
          int seen = most;
          while (now > seen && !most.compare_exchange_weak(seen, now)) {
          }
          std::this_thread::sleep_for(std::chrono::microseconds(n % 7 * 50));
          --running;
          return n * n;
        },
        40, {.threads = threads, .ahead = 3});
    for (std::uint64_t n = 40; n < 240; ++n) {
      CHECK(items.position() == n);
      REQUIRE(items.next() == n * n);
    }
    CHECK(most <= std::max(1, std::min(threads, 3)));
  }
}

TEST_CASE("prefetch: what a maker throws comes out at its place, and the next items follow") {
  for (const int threads : {0, 2}) {
    prefetch<std::string> items(
        [](std::uint64_t n) {
          if (n == 3) throw io_error({"item 3", {}, {}, {}});
          return std::to_string(n);
        },
        0, {.threads = threads, .ahead = 4});
    for (const char* expected : {"0", "1", "2"}) CHECK(items.next() == expected);
    CHECK_THROWS_AS(items.next(), io_error);
    CHECK(items.next() == "4");
  }
}

TEST_CASE("prefetch: it stops at once when nobody wants more, and refuses senseless options") {
  std::atomic<std::uint64_t> made{0};
  {
    prefetch<int> items([&](std::uint64_t) { return static_cast<int>(++made); }, 0, {.threads = 3, .ahead = 5});
    items.next();
  }
  CHECK(made <= 6);
  const auto one = [](std::uint64_t) { return 1; };
  CHECK_THROWS_AS(prefetch<int>(one, 0, {.threads = -1}), config_error);
  CHECK_THROWS_AS(prefetch<int>(one, 0, {.ahead = 0}), config_error);
}

TEST_CASE("prefetch: a mixed stream is the same through threads as without") {
  const scenes::world w(scenes::world_size::nano, 6);
  const pair_stream stream({{scenes::pairs(w, scenes::split::human), 1}, {scenes::pairs(w, scenes::split::web), 3}});
  prefetch<captioned_picture> ahead([&](std::uint64_t p) { return stream.at(p); }, 1000, {.threads = 3, .ahead = 8});
  for (std::uint64_t p = 1000; p < 1200; ++p) REQUIRE(ahead.next() == stream.at(p));
}
