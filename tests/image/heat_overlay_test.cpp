// SPDX-License-Identifier: Apache-2.0
#include "blip/image/heat_overlay.hpp"

#include <limits>

#include "made_picture.hpp"
#include "support/catch.hpp"

using namespace blip;
using namespace blip_test;

TEST_CASE("heat overlay: a map without differences leaves the picture", "[image]") {
  const image p = made_picture(29, 37);
  for (const float value : {0.0f, 3.0f, -1.0f}) CHECK(heat_overlay(p, std::vector<float>(6, value), 2, 3) == p);
  CHECK(heat_overlay(made_picture(1, 1), std::vector<float>{1, 2}, 1, 2) == made_picture(1, 1));
}

TEST_CASE("heat overlay: what matters is red, what does not keeps its colour", "[image]") {
  const image gray(60, 90, 100);
  std::vector<float> map(6);
  map[5] = 7;  // below at the right
  const image shown = heat_overlay(gray, map, 2, 3);
  const auto pixel = [&](int y, int x) { return std::vector<int>(shown.row(y) + 3 * x, shown.row(y) + 3 * x + 3); };
  const auto hot = pixel(55, 85), cold = pixel(2, 2);
  CHECK(hot[0] > 120);  // dark red
  CHECK(hot[1] < 60);
  CHECK(hot[2] < 60);
  for (const int v : cold) CHECK(std::abs(v - 100) < 35);
  std::vector<float> scaled(map);
  for (float& v : scaled) v = 2 * v - 4;
  CHECK(heat_overlay(gray, scaled, 2, 3) == shown);  // only differences count
}

TEST_CASE("heat overlay: a mirrored map over one colour gives a mirrored picture", "[image]") {
  const image gray(40, 51, 77);
  const image left = heat_overlay(gray, std::vector<float>{5, 1, 0, 2}, 2, 2);
  const image right = heat_overlay(gray, std::vector<float>{1, 5, 2, 0}, 2, 2);
  int worst = 0;
  for (int y = 0; y < 40; ++y)
    for (int x = 0; x < 51; ++x)
      for (int c = 0; c < 3; ++c)
        worst = std::max(worst, std::abs(left.row(y)[3 * x + c] - right.row(y)[3 * (50 - x) + c]));
  CHECK(worst <= 1);
}

TEST_CASE("heat overlay: maps of another size, empty ones and ones that are not finite are errors", "[image]") {
  const image p = made_picture(5, 7);
  CHECK_THROWS_AS(heat_overlay(p, std::vector<float>(5), 2, 3), shape_error);
  CHECK_THROWS_AS(heat_overlay(p, {}, 0, 0), shape_error);
  CHECK_THROWS_AS(heat_overlay(p, std::vector<float>(6), -2, -3), shape_error);
  CHECK_THROWS_AS(heat_overlay(image(), std::vector<float>(6), 2, 3), shape_error);
  CHECK_THROWS_AS(heat_overlay(p, std::vector<float>{1, std::numeric_limits<float>::quiet_NaN()}, 1, 2), numeric_error);
}
