// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cmath>
#include <cstdint>

#include "blip/data/scenes/pairs.hpp"
#include "data/fnv.hpp"
#include "support/catch.hpp"

using namespace blip;
using namespace blip::scenes;

namespace {

scene one(shape form, std::int32_t radius, std::int32_t x = 16 * 256, std::int32_t y = 16 * 256) {
  scene s{.pixels = 32};
  s.objects.push_back({.form = form, .hue = colour::white, .x = x, .y = y, .radius = radius});
  return s;
}

// Area in pixels, counting partly covered ones in part; white is 240 on black.
double area(const scene& s) {
  double sum = 0;
  const image picture = render(s);
  for (std::size_t i = 0; i < picture.pixels.size(); i += 3) sum += picture.pixels[i] / 240.0;
  return sum;
}

}  // namespace

TEST_CASE("scenes: shapes have the areas that geometry gives them") {
  const double r = 7.3, pi = 3.14159265358979;
  const auto radius = static_cast<std::int32_t>(r * 256);
  CHECK(area(one(shape::circle, radius)) == Approx(pi * r * r).epsilon(0.02));
  CHECK(area(one(shape::square, radius)) == Approx(4 * r * r * 49 / 64).epsilon(0.02));
  CHECK(area(one(shape::diamond, radius)) == Approx(2 * r * r * 81 / 64).epsilon(0.02));
  CHECK(area(one(shape::ring, radius)) == Approx(pi * r * r * (1 - 81.0 / 256)).epsilon(0.03));
  CHECK(area(one(shape::cross, radius)) == Approx(r * r * (4 * 0.375 * 2 - 4 * 0.375 * 0.375)).epsilon(0.02));
  CHECK(area(one(shape::triangle, radius)) == Approx(3 * std::sqrt(3.0) * r * r * 25 / 64).epsilon(0.03));
  CHECK(area(one(shape::star, radius)) == Approx(1.1226 * r * r * 1.066 * 1.066).epsilon(0.04));
  CHECK(area(one(shape::moon, radius)) > 0.2 * pi * r * r);
  CHECK(area(one(shape::moon, radius)) < 0.6 * pi * r * r);
}

TEST_CASE("scenes: outlines are anti-aliased: an area does not jump as a shape moves") {
  for (int f = 0; f < 8; ++f) {
    const auto form = static_cast<shape>(f);
    double low = 1e9, high = 0;
    for (std::int32_t shift = 0; shift < 256; shift += 37) {
      const double a = area(one(form, 1500, 16 * 256 + shift, 16 * 256 - shift / 2));
      low = std::min(low, a), high = std::max(high, a);
    }
    INFO("shape " << f);
    CHECK(high - low < 0.04 * high);
  }
}

TEST_CASE("scenes: shapes that look alike stay symmetrical") {
  for (const shape form : {shape::circle, shape::square, shape::cross, shape::ring, shape::diamond}) {
    const image p = render(one(form, 1600));
    for (int y = 0; y < 32; ++y)
      for (int x = 0; x < 32; ++x) {
        const int v = p.row(y)[3 * x];
        REQUIRE(std::abs(v - p.row(y)[3 * (31 - x)]) <= 2);
        REQUIRE(std::abs(v - p.row(x)[3 * y]) <= 2);
      }
  }
}

TEST_CASE("scenes: a thing at the border or beyond it is cut off") {
  for (int f = 0; f < 8; ++f)
    for (const std::int32_t at : {-5000, 0, 8000, 40'000}) {
      const double a = area(one(static_cast<shape>(f), 1600, at, 4000));
      CHECK(a <= area(one(static_cast<shape>(f), 1600)) + 0.5);
    }
}

TEST_CASE("scenes: later things hide earlier ones") {
  scene s = one(shape::square, 1800);
  s.objects.push_back({.form = shape::circle, .hue = colour::red, .x = 16 * 256, .y = 16 * 256, .radius = 900});
  const image p = render(s);
  CHECK(p.row(16)[3 * 16] == 220);
  CHECK(p.row(16)[3 * 16 + 1] == 40);
  CHECK(p.row(16)[3 * 11 + 1] == 240);
}

TEST_CASE("scenes: sensor noise has the deviation that it is asked for, and no drift") {
  scene s{.pixels = 224, .grain = 1958, .grain_seed = 11};
  s.behind.rgb = {100, 100, 100};
  const image p = render(s);
  double sum = 0, squares = 0;
  for (const std::uint8_t v : p.pixels) sum += v - 100.0, squares += (v - 100.0) * (v - 100.0);
  const auto n = static_cast<double>(p.pixels.size());
  CHECK(std::abs(sum / n) < 0.1);
  CHECK(std::sqrt(squares / n) == Approx(1958 / 256.0).epsilon(0.02));
}

TEST_CASE("scenes: the bytes of pictures and captions are those of every other machine") {
  struct known {
    world_size size;
    int pictures;
    std::uint64_t pixels, texts;
  };
  constexpr std::array<known, 3> golden{{{world_size::nano, 64, 0x812107966638f998u, 0x0bdd4d59d960ee27u},
                                         {world_size::mini, 64, 0x97732cd9a27635a4u, 0xf80f5cae53008accu},
                                         {world_size::base, 12, 0xd428ac02fdf67346u, 0xf254f11d807a44b7u}}};
  for (const known& k : golden) {
    const pairs p(world(k.size, 20'26), split::web);
    std::uint64_t pixels = blip_test::fnv(std::string()), texts = pixels;
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(k.pictures); ++i) {
      const captioned_picture s = p.sample(i);
      pixels = blip_test::fnv(s.picture.pixels, pixels);
      texts = blip_test::fnv(s.caption + "\n", texts);
    }
    CHECK(pixels == k.pixels);
    CHECK(texts == k.texts);
  }
}

TEST_CASE("scenes: a buffer of another size is a shape_error") {
  std::array<std::uint8_t, 10> small{};
  CHECK_THROWS_AS(render(one(shape::circle, 900), small), shape_error);
}
