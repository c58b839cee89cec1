// SPDX-License-Identifier: Apache-2.0
#include "blip/image/rand_augment.hpp"
#include "made_picture.hpp"
#include "support/catch.hpp"

using namespace blip;
using namespace blip_test;

namespace {

image augmented(image p, augment_op op, double magnitude, bool negative = false) {
  augment(p, {op, magnitude, negative});
  return p;
}
image of_values(std::vector<std::uint8_t> reds) {
  image p(1, static_cast<int>(reds.size()));
  for (std::size_t i = 0; i < reds.size(); ++i) p.pixels[3 * i] = reds[i];
  return p;
}
std::vector<int> reds(const image& p) {
  std::vector<int> v;
  for (std::size_t i = 0; i < p.pixels.size(); i += 3) v.push_back(p.pixels[i]);
  return v;
}

}  // namespace

TEST_CASE("augment: at magnitude 5, BLIP's, brightness and sharpness change nothing", "[image]") {
  const image p = made_picture(19, 23);
  for (const auto op : {augment_op::identity, augment_op::brightness, augment_op::sharpness})
    CHECK(augmented(p, op, 5) == p);
  CHECK_FALSE(augmented(p, augment_op::brightness, 7) == p);
  CHECK_FALSE(augmented(p, augment_op::sharpness, 7) == p);
}

TEST_CASE("augment: at magnitude 0 geometric operations change nothing", "[image]") {
  const image p = made_picture(19, 23);
  for (int op = static_cast<int>(augment_op::shear_x); op <= static_cast<int>(augment_op::rotate); ++op)
    for (const bool negative : {false, true}) CHECK(augmented(p, static_cast<augment_op>(op), 0, negative) == p);
}

TEST_CASE("augment: a translation by whole pixels moves them and lets gray in", "[image]") {
  const image p = made_picture(13, 17);
  const image left = augmented(p, augment_op::translate_x, 7);  // by 7 pixels
  const image down = augmented(p, augment_op::translate_y, 5, true);
  for (int y = 0; y < 13; ++y)
    for (int x = 0; x < 17; ++x)
      for (int c = 0; c < 3; ++c) {
        REQUIRE(left.row(y)[3 * x + c] == (x + 7 < 17 ? p.row(y)[3 * (x + 7) + c] : 128));
        REQUIRE(down.row(y)[3 * x + c] == (y >= 5 ? p.row(y - 5)[3 * x + c] : 128));
      }
}

TEST_CASE("augment: shears keep the first line and column, a half turn is exact", "[image]") {
  const image p = made_picture(11, 15);
  const image x = augmented(p, augment_op::shear_x, 7), y = augmented(p, augment_op::shear_y, 7);
  CHECK(std::equal(x.row(0), x.row(1), p.row(0)));
  for (int line = 0; line < 11; ++line) CHECK(std::equal(y.row(line), y.row(line) + 3, p.row(line)));
  // About the middle of the coordinates, (width / 2, height / 2), not of the pixels: line and column 0 come from
  // outside.
  const image half = warp(p, affine_map::turn(180, 11, 15));
  for (int line = 1; line < 11; ++line)
    for (int column = 1; column < 15; ++column)
      REQUIRE(std::equal(half.row(line) + 3 * column, half.row(line) + 3 * column + 3,
                         p.row(11 - line) + 3 * (15 - column)));
}

TEST_CASE("warp: an inverse leads back, a map without one gives no error", "[image]") {
  const affine_map m{{0.9, 0.2, 3, -0.1, 1.1, -2}};
  const auto back = m.inverse().inverse().m;
  for (std::size_t i = 0; i < 6; ++i) CHECK(back[i] == Approx(m.m[i]));
  CHECK(warp(made_picture(5, 7), {{0, 0, 0, 0, 0, 0}}).height == 5);
  CHECK(warp(made_picture(5, 7), affine_map::shift(1e12, -1e12)) == image(5, 7, 128));
  CHECK(warp(image(), {}).pixels.empty());
}

TEST_CASE("auto_contrast: spreads a channel; the published overflow saturates it", "[image]") {
  image p = of_values({50, 100, 150});
  auto_contrast(p);
  CHECK(reds(p) == std::vector<int>{0, 127, 255});
  p = of_values({50, 100, 150});
  auto_contrast(p, /*wrapped=*/true);
  CHECK(reds(p) == std::vector<int>{255, 255, 255});
  p = of_values({0, 100, 200});
  image same = p;
  auto_contrast(p), auto_contrast(same, true);
  CHECK(p == same);                                 // a least value of 0 does not overflow
  CHECK(reds(p) == std::vector<int>{0, 127, 254});  // 200 * (255 / 200) is a little below 255, in doubles
  p = of_values({9, 9});
  auto_contrast(p);
  CHECK(reds(p) == std::vector<int>{9, 9});
}

TEST_CASE("equalize: even counts become even steps; few values stay", "[image]") {
  image p(4, 256);  // every red four times
  for (std::size_t i = 0; i < 1024; ++i) p.pixels[3 * i] = static_cast<std::uint8_t>(i % 256);
  const image before = p;
  equalize(p);
  CHECK(p == before);
  p = of_values({1, 2, 3});
  equalize(p);
  CHECK(reds(p) == std::vector<int>{1, 2, 3});
  std::vector<std::uint8_t> values(510, 10);
  values.insert(values.end(), 255, 20);
  values.push_back(30);
  p = of_values(values);  // step = 765 / 255 = 3
  equalize(p);
  CHECK(p.pixels[0] == 0);          // (1 + 0) / 3
  CHECK(p.pixels[3 * 510] == 170);  // (1 + 510) / 3
  CHECK(p.pixels[3 * 765] == 255);  // (1 + 765) / 3
}

TEST_CASE("sharpen: borders stay, values outside wrap around", "[image]") {
  image p(3, 3, 100);
  p.row(1)[3] = 230;  // smooth = (8 * 100 + 5 * 230) / 13 = 150
  image q = p;
  sharpen(q, 2);
  CHECK(q.row(1)[3] == ((150 + 2 * 80) & 255));
  q.row(1)[3] = 230;
  CHECK(q == p);
  image thin = made_picture(2, 9);
  sharpen(thin, 1.9);
  CHECK(thin == made_picture(2, 9));
}

TEST_CASE("brighten: cuts decimals off and clips", "[image]") {
  image p = of_values({0, 3, 100, 200});
  brighten(p, 1.36);
  CHECK(reds(p) == std::vector<int>{0, 4, 136, 255});
}
