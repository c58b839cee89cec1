// SPDX-License-Identifier: Apache-2.0
#include "blip/image/pixel_statistics.hpp"

#include <limits>

#include "blip/image/evaluation_view.hpp"
#include "made_picture.hpp"
#include "support/catch.hpp"

using namespace blip;
using namespace blip_test;

TEST_CASE("normalise: channels become planes, values (v / 255 - mean) / deviation", "[image]") {
  const image p = made_picture(5, 7);
  for (const auto& s : {clip_statistics, imagenet_statistics}) {
    const auto rows = normalise(std::vector<image>{image(5, 7), p}, s);
    REQUIRE(rows.size() == 2 * 3 * 35);
    for (std::size_t c = 0; c < 3; ++c)
      for (std::size_t i = 0; i < 35; ++i) {
        CHECK(rows[35 * c + i] == Approx(-s.mean[c] / s.deviation[c]).epsilon(1e-6));
        CHECK(rows[105 + 35 * c + i] ==
              Approx((p.pixels[3 * i + c] / 255.0 - s.mean[c]) / s.deviation[c]).margin(1e-6));
      }
  }
}

TEST_CASE("normalise: without scale, mean and deviation values stay", "[image]") {
  const image p = made_picture(2, 3);
  std::vector<float> row(18);
  normalise(p, row, {.scale = 1});
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t c = 0; c < 3; ++c) CHECK(row[6 * c + i] == static_cast<float>(p.pixels[3 * i + c]));
}

TEST_CASE("denormalise: leads back to every value, clips and takes what is no number for black", "[image]") {
  image p(16, 16);
  for (std::size_t i = 0; i < 256; ++i)
    for (std::size_t c = 0; c < 3; ++c) p.pixels[3 * i + c] = static_cast<std::uint8_t>(i + 50 * c);
  CHECK(denormalise(normalise(std::span(&p, 1)), 16, 16) == p);
  const std::vector<float> row{9, -9, std::numeric_limits<float>::quiet_NaN()};
  CHECK(denormalise(row, 1, 1).pixels == std::vector<std::uint8_t>{255, 0, 0});
}

TEST_CASE("normalise: rows and pictures of other sizes, and a deviation of 0, are errors", "[image]") {
  std::vector<float> row(17);
  CHECK_THROWS_AS(normalise(image(2, 3), row), shape_error);
  CHECK_THROWS_AS(normalise(std::vector<image>{image(2, 3), image(3, 2)}), shape_error);
  CHECK_THROWS_AS(denormalise(row, 2, 3), shape_error);
  row.resize(18);
  CHECK_THROWS_AS(normalise(image(2, 3), row, {.deviation = {1, 0, 1}}), config_error);
  CHECK_THROWS_AS(normalise(image(2, 3), row, {.scale = 0}), config_error);
  CHECK(normalise(std::vector<image>{}).empty());
}

TEST_CASE("evaluation pixels: pictures of any sides, resized and normalised, or taken as they are", "[image]") {
  const std::vector<image> pictures{made_picture(11, 13), made_picture(3, 2), image(5, 7, 9)};
  const evaluation_view_options o{
      .height = 5, .width = 7, .filter = pillow_filter(2), .statistics = imagenet_statistics};
  std::vector<image> resized;
  for (const image& p : pictures) resized.push_back(resize(p, 5, 7, resize_filter::bilinear));
  CHECK(evaluation_pixels(pictures, o) == normalise(resized, imagenet_statistics));
  const evaluation_view_options as_they_are{.height = 5, .width = 7, .resized = false};
  CHECK(evaluation_pixels(std::span(pictures).last(1), as_they_are) == normalise(std::span(pictures).last(1)));
  CHECK_THROWS_AS(evaluation_pixels(pictures, as_they_are), shape_error);
  CHECK_THROWS_AS(evaluation_pixels(pictures, {.height = 0}), shape_error);
  CHECK_THROWS_AS(pillow_filter(1), config_error);
  CHECK_THROWS_AS(pillow_filter(-1), config_error);
}
