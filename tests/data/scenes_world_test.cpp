// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <thread>

#include "blip/data/scenes/pairs.hpp"
#include "support/catch.hpp"

using namespace blip;
using namespace blip::scenes;

namespace {

constexpr std::array<world_size, 3> all_worlds{world_size::nano, world_size::mini, world_size::base};
constexpr std::array<split, 5> splits{split::human, split::web, split::test, split::web_test, split::withheld};

bool has_withheld(const scene& s) {
  return std::any_of(s.objects.begin(), s.objects.end(), [](const object& o) { return is_withheld(o.form, o.hue); });
}

}  // namespace

TEST_CASE("scenes: a sample is the same from any order and any number of threads") {
  for (const world_size size : all_worlds) {
    const pairs web(world(size, 5), split::web);
    constexpr std::uint64_t n = 24;
    std::vector<captioned_picture> forward, backward(n);
    for (std::uint64_t i = 0; i < n; ++i) forward.push_back(web.sample(i * 37));
    std::vector<std::thread> threads;
    for (std::uint64_t t = 0; t < 3; ++t)
      threads.emplace_back([&, t] {
        const pairs own(world(size, 5), split::web);
        for (std::uint64_t i = n; i-- > 0;)
          if (i % 3 == t) backward[i] = own.sample(i * 37);
      });
    for (std::thread& t : threads) t.join();
    CHECK(forward == backward);
  }
}

TEST_CASE("scenes: seeds and splits have pictures of their own") {
  std::set<std::vector<std::uint8_t>> seen;
  std::size_t made = 0;
  for (const std::uint64_t seed : {0u, 1u, 256u})
    for (const split part : splits)
      for (std::uint64_t i = 0; i < 50; ++i) {
        const pairs p(world(world_size::nano, seed), part);
        seen.insert(render(p.of().at(part, i)).pixels);
        ++made;
      }
  CHECK(seen.size() == made);
}

TEST_CASE("scenes: withheld pairs are in every scene of their split and in none of the others") {
  for (const world_size size : all_worlds) {
    const world w(size, 3);
    for (const split part : splits)
      for (std::uint64_t i = 0; i < 500; ++i) REQUIRE(has_withheld(w.at(part, i)) == (part == split::withheld));
  }
}

TEST_CASE("scenes: in a twin one thing is different") {
  const world w(world_size::mini, 7);
  int twins = 0, swapped = 0;
  for (std::uint64_t i = 0; i < 4000; i += 2) {
    const scene a = w.at(split::web, i), b = w.at(split::web, i + 1);
    if (a.behind != b.behind) continue;
    ++twins;
    REQUIRE(a.objects.size() == b.objects.size());
    int attributes = 0;
    for (std::size_t k = 0; k < a.objects.size(); ++k) {
      const object &x = a.objects[k], &y = b.objects[k];
      attributes += (x.form != y.form) + (x.hue != y.hue) + (x.scale != y.scale);
    }
    const bool places = a.objects.size() == 2 && a.objects[0].form == b.objects[1].form &&
                        a.objects[0].hue == b.objects[1].hue && a.objects[0].scale == b.objects[1].scale &&
                        a.objects[1].form == b.objects[0].form && a.objects[1].hue == b.objects[0].hue;
    REQUIRE((attributes == 1 || places));
    if (places && attributes != 1) ++swapped;
    CHECK_FALSE(a == b);
  }
  CHECK(twins > 900);
  CHECK(twins < 1100);
  CHECK(swapped > twins / 5);  // half of those with two things
  CHECK(swapped < twins * 2 / 5);
  for (std::uint64_t i = 0; i < 200; i += 2) {
    const world nano(world_size::nano, 7);
    CHECK(nano.at(split::web, i).behind != nano.at(split::web, i + 1).behind);
  }
}

TEST_CASE("scenes: the captions of twins are neighbours, and every caption of every picture has one place") {
  const pairs human(world(world_size::mini), split::human);
  CHECK(human.block() == 2);
  std::map<std::uint64_t, int> seen;
  for (std::uint64_t i = 0; i < 600; ++i) {
    CHECK(human.picture_of(i) / 2 == human.picture_of(i ^ 1) / 2);
    CHECK(human.picture_of(i) != human.picture_of(i ^ 1));
    CHECK(human.caption_of(i) == human.caption_of(i ^ 1));
    seen[human.picture_of(i) * 3 + human.caption_of(i)]++;
  }
  CHECK(seen.size() == 600);
  CHECK(seen.rbegin()->first == 599);
}

TEST_CASE("scenes: the small world has what was measured: two things in 60 of 100, at 8 pixels from the middle") {
  const world w(world_size::nano, 1);
  int two = 0, large = 0, things = 0, striped = 0;
  constexpr int n = 10'000;
  for (std::uint64_t i = 0; i < n; ++i) {
    const scene s = w.at(split::web, i);
    two += s.objects.size() == 2;
    striped += s.behind.kind == backdrop::stripes;
    for (const object& o : s.objects) {
      ++things, large += o.scale == magnitude::large;
      const double radius = o.radius / 256.0;
      REQUIRE((o.scale == magnitude::large ? radius >= 6.29 && radius <= 7.31 : radius >= 3.59 && radius <= 4.41));
    }
    if (s.objects.size() == 2) {
      REQUIRE(between(s, s.objects[0], s.objects[1]).has_value());
      const int apart = std::max(s.objects[1].x - s.objects[0].x, s.objects[1].y - s.objects[0].y);
      REQUIRE((apart >= 15 * 256 && apart <= 17 * 256));
      REQUIRE((s.objects[0].form != s.objects[1].form || s.objects[0].hue != s.objects[1].hue));
    }
  }
  CHECK(std::abs(two / double{n} - 0.6) < 0.02);
  CHECK(std::abs(striped / double{n} - 0.6) < 0.02);
  CHECK(std::abs(large / static_cast<double>(things) - 0.5) < 0.02);
}

TEST_CASE("scenes: the large world has one to six things that repeat, overlap and stay in the picture") {
  const world w(world_size::base, 1);
  std::array<int, 7> counts{};
  int repeats = 0, overlaps = 0;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    const scene s = w.at(split::human, i);
    ++counts[s.objects.size()];
    bool repeat = false, overlap = false;
    for (std::size_t a = 0; a < s.objects.size(); ++a) {
      const object& x = s.objects[a];
      REQUIRE((x.x > 0 && x.x < 224 * 256 && x.y > 0 && x.y < 224 * 256));
      for (std::size_t b = 0; b < a; ++b) {
        const object& y = s.objects[b];
        repeat = repeat || (x.form == y.form && x.hue == y.hue);
        const double dx = x.x - y.x, dy = x.y - y.y, reach = x.radius + y.radius;
        overlap = overlap || dx * dx + dy * dy < reach * reach;
        REQUIRE(dx * dx + dy * dy > 0.24 * reach * reach);  // half of each shows
      }
    }
    repeats += repeat, overlaps += overlap;
  }
  for (std::size_t n = 1; n <= 6; ++n) CHECK(std::abs(counts[n] - 500) < 100);
  CHECK(repeats > 900);
  CHECK(overlaps > 300);
}

TEST_CASE("scenes: an index beyond the split is a shape_error") {
  const world w(world_size::nano);
  CHECK_THROWS_AS(w.at(split::test, w.pictures(split::test)), shape_error);
  CHECK_THROWS_AS(pairs(w, split::test).sample(3 * w.pictures(split::test)), shape_error);
}
