// SPDX-License-Identifier: Apache-2.0
#include "blip/image/decode_jpeg.hpp"
#include "blip/image/encode_jpeg.hpp"
#include "image/made_picture.hpp"
#include "support/catch.hpp"

using namespace blip;
using namespace blip_test;

namespace {

double mean_distance(const image& a, const image& b) {
  REQUIRE(a.pixels.size() == b.pixels.size());
  double sum = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(a.pixels[i] - b.pixels[i]);
  return sum / static_cast<double>(a.pixels.size());
}
std::vector<std::byte> with_sides(std::vector<std::byte> jpeg, unsigned height, unsigned width) {
  for (std::size_t i = 0; i + 8 < jpeg.size(); ++i)
    if (jpeg[i] == std::byte{0xff} && (jpeg[i + 1] == std::byte{0xc0} || jpeg[i + 1] == std::byte{0xc2})) {
      jpeg[i + 5] = std::byte(height >> 8), jpeg[i + 6] = std::byte(height & 255);
      jpeg[i + 7] = std::byte(width >> 8), jpeg[i + 8] = std::byte(width & 255);
      break;
    }
  return jpeg;
}
// The file with EXIF data that hold an orientation, in either byte order.
std::vector<std::byte> oriented(std::vector<std::byte> jpeg, int orientation, bool little) {
  std::string exif("Exif\0\0", 6);
  exif += little ? std::string("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", 18)
                 : std::string("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01", 18);
  exif += little ? std::string{static_cast<char>(orientation), 0, 0, 0}
                 : std::string{0, static_cast<char>(orientation), 0, 0};
  exif += std::string(4, '\0');
  const std::string segment = std::string("\xff\xe1\0", 3) + static_cast<char>(exif.size() + 2) + exif;
  const auto bytes = bytes_of(segment);
  jpeg.insert(jpeg.begin() + 2, bytes.begin(), bytes.end());
  return jpeg;
}

}  // namespace

TEST_CASE("jpeg: a gentle picture survives writing and reading, progressive and not, down to one pixel", "[image]") {
  for (const auto& [height, width] : {std::pair{1, 1}, {1, 40}, {40, 1}, {33, 47}})
    for (const bool progressive : {false, true})
      for (const bool full : {false, true}) {
        const image p = gentle_picture(height, width);
        const image q = decode_jpeg(encode_jpeg(p, {.quality = 95, .full_colour = full, .progressive = progressive}));
        CHECK(q.height == height);
        CHECK(q.width == width);
        CHECK(mean_distance(p, q) < 4);
      }
  const image p = gentle_picture(64, 64);
  CHECK(encode_jpeg(p, {.quality = 30}).size() < encode_jpeg(p, {.quality = 95}).size());
  CHECK(encode_jpeg(made_picture(400, 400), {.quality = 100}).size() > 100'000);  // the buffer grows
  CHECK_THROWS_AS(encode_jpeg(p, {.quality = 0}), config_error);
  CHECK_THROWS_AS(encode_jpeg(p, {.quality = 101}), config_error);
  CHECK_THROWS_AS(encode_jpeg(image()), shape_error);
  CHECK_THROWS_AS(encode_jpeg(image(1, 65'501)), shape_error);
}

TEST_CASE("jpeg: baseline and progressive files hold the same picture", "[image]") {
  const image p = gentle_picture(50, 70);
  CHECK(decode_jpeg(encode_jpeg(p)) == decode_jpeg(encode_jpeg(p, {.progressive = true})));
}

TEST_CASE("jpeg: EXIF orientation is applied only when it is asked for", "[image]") {
  image p(16, 24);  // three dark corners, one light: at the left of the top
  for (int y = 0; y < 8; ++y) std::fill_n(p.row(y), 3 * 8, std::uint8_t{240});
  const auto plain = encode_jpeg(p, {.quality = 100, .full_colour = true});
  const image stored = decode_jpeg(plain);
  struct corner {
    int orientation;
    bool right, bottom;
  };
  // Where the light corner comes to lie.
  for (const auto& [orientation, right, bottom] : {corner{1, false, false},
                                                   {2, true, false},
                                                   {3, true, true},
                                                   {4, false, true},
                                                   {5, false, false},
                                                   {6, true, false},
                                                   {7, true, true},
                                                   {8, false, true}})
    for (const bool little : {false, true}) {
      INFO("orientation " << orientation);
      const auto file = oriented(plain, orientation, little);
      CHECK(decode_jpeg(file) == stored);
      CHECK(exif_orientation(file) == orientation);
      decode_options o;
      o.orient = true;
      const image turned = decode_jpeg(file, o);
      CHECK(turned.width == (orientation >= 5 ? 16 : 24));
      for (const bool at_right : {false, true})
        for (const bool at_bottom : {false, true}) {
          const int y = at_bottom ? turned.height - 1 : 0, x = at_right ? turned.width - 1 : 0;
          CHECK((turned.row(y)[3 * x] > 200) == (at_right == right && at_bottom == bottom));
        }
    }
  for (const int nonsense : {0, 9, 100}) CHECK(exif_orientation(oriented(plain, nonsense, true)) == 1);
  CHECK(exif_orientation(plain) == 1);
  CHECK(exif_orientation({}) == 1);
}

TEST_CASE("jpeg: turning forth and back is nothing", "[image]") {
  const image p = made_picture(5, 7);
  for (const auto& [forth, back] : {std::pair{2, 2}, {3, 3}, {4, 4}, {5, 5}, {6, 8}, {7, 7}, {8, 6}})
    CHECK(turned(turned(p, forth), back) == p);
}

TEST_CASE("jpeg: claims beyond the limits, many scans and much memory are limit errors", "[image]") {
  const auto file = encode_jpeg(gentle_picture(16, 16)),
             progressive = encode_jpeg(gentle_picture(64, 64), {.full_colour = true, .progressive = true});
  CHECK_THROWS_AS(decode_jpeg(with_sides(file, 65'500, 65'500)), limit_error);
  CHECK_THROWS_AS(decode_jpeg(with_sides(file, 10'000, 5'001)), limit_error);
  CHECK_THROWS_AS(decode_jpeg(with_sides(file, 1, 32'769)), limit_error);
  CHECK_THROWS_AS(decode_jpeg(with_sides(file, 10'000, 5'000)), format_error);       // within, but without data
  CHECK_THROWS_AS(decode_jpeg(with_sides(progressive, 7'000, 7'000)), limit_error);  // its coefficients: 294 MB
  decode_options o;
  o.jpeg_scans = 10;  // as many as there are
  CHECK_NOTHROW(decode_jpeg(progressive, o));
  o.jpeg_scans = 9;
  CHECK_THROWS_AS(decode_jpeg(progressive, o), limit_error);
  o = {};
  o.bounds.image_pixels = 255;
  CHECK_THROWS_AS(decode_jpeg(file, o), limit_error);
}

TEST_CASE("jpeg: an early end may be accepted: gray for what is missing, counted", "[image]") {
  const image p = made_picture(128, 96);
  std::atomic<std::uint64_t> count{0};
  decode_options o;
  o.truncated = &count;
  const auto whole = encode_jpeg(p);
  const auto half = std::span(whole).first(whole.size() * 3 / 4);
  CHECK_THROWS_AS(decode_jpeg(half), format_error);
  const image part = decode_jpeg(half, o), all = decode_jpeg(whole, o);
  CHECK(count == 1);
  CHECK(std::equal(part.row(0), part.row(8), all.row(0)));
  CHECK_FALSE(part == all);
  // An end marker where data should be is an early end as well.
  std::vector<std::byte> ended(half.begin(), half.end());
  ended.push_back(std::byte{0xff}), ended.push_back(std::byte{0xd9});
  CHECK_THROWS_AS(decode_jpeg(ended), format_error);
  CHECK(decode_jpeg(ended, o) == part);
  CHECK(count == 2);
}
