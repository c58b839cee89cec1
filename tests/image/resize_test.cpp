// SPDX-License-Identifier: Apache-2.0
#include "blip/image/resize.hpp"

#include <cmath>
#include <limits>

#include "made_picture.hpp"
#include "support/catch.hpp"

using namespace blip;
using namespace blip_test;

namespace {

struct pillow_result {
  int height, width, to_height, to_width;
  resize_filter filter;
  std::vector<float> area;
  std::uint32_t crc;
};

}  // namespace

TEST_CASE("resize: the bytes are those of Pillow 12.0.0, for every filter, up, down and with an area", "[image]") {
  const std::vector<pillow_result> results{
      {37, 53, 23, 31, resize_filter::nearest, {}, 0x987550b1},
      {37, 53, 23, 31, resize_filter::box, {}, 0x29b4df88},
      {37, 53, 23, 31, resize_filter::bilinear, {}, 0x3d4b4a11},
      {37, 53, 23, 31, resize_filter::bicubic, {}, 0x46bce7ff},
      {37, 53, 71, 97, resize_filter::nearest, {}, 0x0dee5f69},
      {37, 53, 71, 97, resize_filter::box, {}, 0x0dee5f69},
      {37, 53, 71, 97, resize_filter::bilinear, {}, 0xc4ab5d89},
      {37, 53, 71, 97, resize_filter::bicubic, {}, 0x0fab1f34},
      {37, 53, 37, 19, resize_filter::nearest, {}, 0xd7ad8cb5},
      {37, 53, 37, 19, resize_filter::box, {}, 0x850788b3},
      {37, 53, 37, 19, resize_filter::bilinear, {}, 0xad14e973},
      {37, 53, 37, 19, resize_filter::bicubic, {}, 0xd61b25fb},
      {37, 53, 11, 53, resize_filter::nearest, {}, 0x143c334c},
      {37, 53, 11, 53, resize_filter::box, {}, 0xb6a5b494},
      {37, 53, 11, 53, resize_filter::bilinear, {}, 0xc624ba20},
      {37, 53, 11, 53, resize_filter::bicubic, {}, 0xf8c75820},
      {1, 1, 3, 5, resize_filter::nearest, {}, 0xe20a0c21},
      {1, 1, 3, 5, resize_filter::box, {}, 0xe20a0c21},
      {1, 1, 3, 5, resize_filter::bilinear, {}, 0xe20a0c21},
      {1, 1, 3, 5, resize_filter::bicubic, {}, 0xe20a0c21},
      {1, 61, 7, 7, resize_filter::nearest, {}, 0x95b22bac},
      {1, 61, 7, 7, resize_filter::box, {}, 0x08c77625},
      {1, 61, 7, 7, resize_filter::bilinear, {}, 0xd33fea99},
      {1, 61, 7, 7, resize_filter::bicubic, {}, 0x14436c0e},
      {59, 1, 5, 1, resize_filter::nearest, {}, 0x85c9c79b},
      {59, 1, 5, 1, resize_filter::box, {}, 0xf115ce06},
      {59, 1, 5, 1, resize_filter::bilinear, {}, 0x3f69a8b2},
      {59, 1, 5, 1, resize_filter::bicubic, {}, 0xa67006f1},
      {131, 173, 5, 7, resize_filter::nearest, {}, 0xcffcb559},
      {131, 173, 5, 7, resize_filter::box, {}, 0x1d2828c8},
      {131, 173, 5, 7, resize_filter::bilinear, {}, 0x9158fb4a},
      {131, 173, 5, 7, resize_filter::bicubic, {}, 0xf49b5f4a},
      {41, 43, 29, 31, resize_filter::nearest, {3.25, 5.5, 38.75, 31.125}, 0x5aba8000},
      {41, 43, 29, 31, resize_filter::box, {3.25, 5.5, 38.75, 31.125}, 0xdbf55d7b},
      {41, 43, 29, 31, resize_filter::bilinear, {3.25, 5.5, 38.75, 31.125}, 0x2ec88707},
      {41, 43, 29, 31, resize_filter::bicubic, {3.25, 5.5, 38.75, 31.125}, 0x41c6df53},
      {41, 43, 29, 31, resize_filter::nearest, {2.0, 0.0, 33.0, 29.0}, 0xc89f372d},
      {41, 43, 29, 31, resize_filter::box, {2.0, 0.0, 33.0, 29.0}, 0xc89f372d},
      {41, 43, 29, 31, resize_filter::bilinear, {2.0, 0.0, 33.0, 29.0}, 0xc89f372d},
      {41, 43, 29, 31, resize_filter::bicubic, {2.0, 0.0, 33.0, 29.0}, 0xc89f372d},
  };
  for (const auto& r : results) {
    INFO(r.height << " x " << r.width << " to " << r.to_height << " x " << r.to_width << ", filter "
                  << static_cast<int>(r.filter) << ", area of " << r.area.size());
    std::optional<resize_area> area;
    if (!r.area.empty()) area = resize_area{r.area[0], r.area[1], r.area[2], r.area[3]};
    CHECK(crc32(resize(made_picture(r.height, r.width), r.to_height, r.to_width, r.filter, area).pixels) == r.crc);
  }
}

TEST_CASE("resize: to its own size a picture stays as it is", "[image]") {
  const image p = made_picture(7, 11);
  for (const auto f : {resize_filter::nearest, resize_filter::box, resize_filter::bilinear, resize_filter::bicubic})
    CHECK(resize(p, 7, 11, f) == p);
}

TEST_CASE("resize: one colour stays one colour", "[image]") {
  for (const auto f : {resize_filter::nearest, resize_filter::box, resize_filter::bilinear, resize_filter::bicubic})
    for (const int value : {0, 1, 127, 254, 255})
      for (const int side : {1, 2, 5, 17, 53})
        CHECK(resize(image(13, 19, static_cast<std::uint8_t>(value)), side, 60 - side, f) ==
              image(side, 60 - side, static_cast<std::uint8_t>(value)));
}

TEST_CASE("resize: a view of a box sees no pixel outside, an area does", "[image]") {
  const image p = made_picture(31, 37);
  image cut(17, 13);
  for (int y = 0; y < 17; ++y) std::copy_n(p.row(y + 5) + 3 * 7, 3 * 13, cut.row(y));
  const image_view view(p, {7, 5, 13, 17});
  CHECK(resize(view, 11, 23) == resize(cut, 11, 23));
  CHECK(resize(view, 17, 13) == cut);
  CHECK_FALSE(resize(p, 11, 23, resize_filter::bicubic, resize_area{7, 5, 20, 22}) == resize(cut, 11, 23));
}

TEST_CASE("resize: mirrored and turned pictures give mirrored and turned results", "[image]") {
  const image p = made_picture(23, 41);
  image turned(41, 23);
  for (int y = 0; y < 41; ++y)
    for (int x = 0; x < 23; ++x) std::copy_n(p.row(x) + 3 * y, 3, turned.row(y) + 3 * x);
  // One direction at a time: with both the order of the two passes shows.
  const image wide = resize(p, 23, 17), high = resize(turned, 17, 23);
  for (int y = 0; y < 23; ++y)
    for (int x = 0; x < 17; ++x)
      for (int c = 0; c < 3; ++c) REQUIRE(wide.row(y)[3 * x + c] == high.row(x)[3 * y + c]);
}

TEST_CASE("resize: sides and areas without pixels are errors", "[image]") {
  const image p = made_picture(4, 5);
  CHECK_THROWS_AS(resize(p, 0, 3), shape_error);
  CHECK_THROWS_AS(resize(p, 3, -1), shape_error);
  CHECK_THROWS_AS(resize(image(), 3, 3), shape_error);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const resize_area& a : {resize_area{0, 0, 6, 4}, resize_area{-1, 0, 5, 4}, resize_area{2, 0, 2, 4},
                               resize_area{0, 3, 5, 1}, resize_area{0, nan, 5, 4}})
    CHECK_THROWS_AS(resize(p, 3, 3, resize_filter::bicubic, a), config_error);
  image broken(3, 3);
  broken.pixels.pop_back();
  CHECK_THROWS_AS(resize(broken, 2, 2), shape_error);
  CHECK_THROWS_AS(image_view(p, {1, 1, 5, 1}), shape_error);
  CHECK_THROWS_AS(image_view(p, {std::numeric_limits<int>::max(), 0, 1, 1}), shape_error);
  CHECK_THROWS_AS(image_view(p, {0, 0, 0, 1}), shape_error);
}
