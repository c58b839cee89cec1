// SPDX-License-Identifier: Apache-2.0
#include "blip/image/decode_as.hpp"
#include "blip/image/decode_pnm.hpp"
#include "blip/image/encode_ppm.hpp"
#include "made_picture.hpp"
#include "support/catch.hpp"

using namespace blip;
using namespace blip_test;
using Catch::Matchers::Contains;

namespace {

std::vector<std::uint8_t> pixels(const std::string& file, const decode_options& o = {}) {
  return decode_pnm(bytes_of(file), o).pixels;
}
std::string message(const std::string& file, const decode_options& o = {}) {
  try {
    pixels(file, o);
  } catch (const error& e) {
    return e.what();
  }
  return "nothing was thrown";
}

}  // namespace

TEST_CASE("ppm: what is written is read back, down to one pixel", "[image]") {
  for (const auto& [height, width] : {std::pair{1, 1}, {1, 7}, {7, 1}, {5, 11}}) {
    const image p = made_picture(height, width);
    CHECK(decode_pnm(encode_ppm(p)) == p);
    CHECK(decode_as<pnm_format>(encode_ppm(p)) == p);
  }
  CHECK_THROWS_AS(encode_ppm(image()), shape_error);
}

TEST_CASE("pnm: comments, white space, gray, and values of other ranges are scaled as Pillow scales them", "[image]") {
  CHECK(pixels("P6 1\t1 255\nabc") == std::vector<std::uint8_t>{'a', 'b', 'c'});
  CHECK(pixels("P6\n# a comment\n1 # another\r 1\n#255\n255\nabcd") == std::vector<std::uint8_t>{'a', 'b', 'c'});
  CHECK(pixels("P5 2 1 255\nxy") == std::vector<std::uint8_t>{'x', 'x', 'x', 'y', 'y', 'y'});
  CHECK(pixels(std::string("P6 1 1 7\n\x00\x03\x09", 12)) == std::vector<std::uint8_t>{0, 109, 255});  // 9 counts as 7
  CHECK(pixels(std::string("P6 1 1 2\n\x00\x01\x02", 12)) == std::vector<std::uint8_t>{0, 128, 255});  // 127.5 to even
  CHECK(pixels(std::string("P6 1 1 1000\n\x00\x01\x01\xf4\x03\xe8", 18)) == std::vector<std::uint8_t>{0, 128, 255});
  CHECK(pixels(std::string("P5 2 1 65535\n\x00\x11\x01\x00", 17)) ==
        std::vector<std::uint8_t>{17, 17, 17, 255, 255, 255});
}

TEST_CASE("pnm: broken headers and early ends are typed errors of at most three lines", "[image]") {
  for (const char* file : {"", "P", "P6", "P4 1 1 a", "P3 1 1 255 1 2 3", "P6 1", "P6 1 1 255", "P6 1 1 255\nab",
                           "P6 x 1 255\nabc", "P6 1 -1 255\nabc", "P6 0 1 255\n", "P6 1 1 0\nabc",
                           "P6 1 1 65536\nabcabc", "P6 # no end", "P6 1 1x255\nabc"}) {
    INFO(file);
    CHECK_THROWS_AS(pixels(file), format_error);
    const std::string text = message(file);
    CHECK(std::count(text.begin(), text.end(), '\n') <= 2);
  }
  CHECK(message("P6 1 1 255\nab") ==
        "picture: a PNM that ends early\n  expected a complete file, found the end of the data\n"
        "  decode_options::truncated accepts what is there");
}

TEST_CASE("pnm: an early end may be accepted, and is counted", "[image]") {
  std::atomic<std::uint64_t> count{0};
  decode_options o;
  o.truncated = &count;
  CHECK(pixels("P6 1 2 255\nabcd", o) == std::vector<std::uint8_t>{'a', 'b', 'c', 'd', 0, 0});
  CHECK(pixels("P5 1 2 255\na", o) == std::vector<std::uint8_t>{'a', 'a', 'a', 0, 0, 0});
  CHECK(count == 2);
  CHECK(pixels("P5 1 1 255\na", o).size() == 3);
  CHECK(count == 2);
}

TEST_CASE("pnm: claims beyond the limits are refused before memory is taken", "[image]") {
  for (const char* file : {"P6 2147483648 2147483648 255\n", "P6 99999999999999999999999 1 255\n", "P6 32769 1 255\n",
                           "P6 1 32769 255\n", "P6 32768 32768 255\n", "P5 10000 5001 255\n"})
    CHECK_THROWS_AS(pixels(file), limit_error);
  CHECK_THROWS_AS(pixels("P5 10000 5000 255\n"), format_error);  // within, but without data
  decode_options o;
  o.bounds.image_bytes = 13;
  CHECK_NOTHROW(pixels("P5 2 1 255\nab", o));
  CHECK_THROWS_AS(pixels("P5 3 1 255\nabc", o), limit_error);
}

TEST_CASE("decode_as: without libraries other files are named for what they are", "[image]") {
  const auto text = [](const std::string& file) {
    try {
      decode_as<pnm_format>(bytes_of(file), {}, "dog.jpg");
    } catch (const format_error& e) {
      return std::string(e.what());
    }
    return std::string("no format_error");
  };
  CHECK(text("hello") ==
        "dog.jpg: not a picture\n  expected PNM (P5, P6), found text\n  the content counts, not the name of the file");
  CHECK_THAT(text(""), Contains("an empty file"));
  CHECK_THAT(text("GIF89a"), Contains("a GIF"));
  CHECK_THAT(text("<!DOCTYPE html>"), Contains("an HTML page"));
  CHECK_THAT(text("\xff\xd8\xff"), Contains("a JPEG"));
  CHECK_THAT(text(std::string("\0\1", 2)), Contains("unknown bytes"));
}
