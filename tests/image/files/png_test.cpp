// SPDX-License-Identifier: Apache-2.0
#include "blip/image/decode_png.hpp"
#include "blip/image/encode_png.hpp"
#include "handmade_png.hpp"
#include "support/catch.hpp"

using namespace blip;
using namespace blip_test;

namespace {

std::vector<int> pixels(const png_parts& p, const decode_options& o = {}) {
  const image found = decode_png(bytes_of(make_png(p)), o);
  return {found.pixels.begin(), found.pixels.end()};
}
std::vector<int> grays(const png_parts& p) {
  std::vector<int> v, all = pixels(p);
  for (std::size_t i = 0; i < all.size(); i += 3) {
    CHECK(all[i] == all[i + 1]);
    CHECK(all[i] == all[i + 2]);
    v.push_back(all[i]);
  }
  return v;
}
std::string bytes(std::vector<int> values) {
  std::string s;
  for (const int v : values) s += static_cast<char>(v);
  return s;
}

}  // namespace

TEST_CASE("png: what is written is read back, down to one pixel, at every compression", "[image]") {
  for (const auto& [height, width] : {std::pair{1, 1}, {1, 7}, {7, 1}, {5, 11}, {64, 80}})
    for (const int compression : {0, 1, 6, 9}) {
      const image p = made_picture(height, width);
      CHECK(decode_png(encode_png(p, compression)) == p);
    }
  CHECK_THROWS_AS(encode_png(image()), shape_error);
  CHECK_THROWS_AS(encode_png(image(1, 1), 10), config_error);
}

TEST_CASE("png: gray of 1, 2, 4, 8 and 16 bits", "[image]") {
  CHECK(grays({4, 1, 1, 0, bytes({0, 0xa0})}) == std::vector<int>{255, 0, 255, 0});
  CHECK(grays({4, 1, 2, 0, bytes({0, 0x1b})}) == std::vector<int>{0, 85, 170, 255});
  CHECK(grays({4, 1, 4, 0, bytes({0, 0x1b, 0x8f})}) == std::vector<int>{17, 187, 136, 255});
  CHECK(grays({2, 1, 8, 0, bytes({0, 7, 200})}) == std::vector<int>{7, 200});
  CHECK(grays({3, 1, 16, 0, bytes({0, 0, 200, 0, 255, 3, 4})}) == std::vector<int>{200, 255, 255});  // Pillow clips
  CHECK(grays({2, 1, 8, 4, bytes({0, 7, 0, 200, 9})}) == std::vector<int>{7, 200});
  CHECK(grays({2, 1, 16, 4, bytes({0, 1, 200, 3, 4, 250, 6, 7, 8})}) == std::vector<int>{1, 250});
}

TEST_CASE("png: colours, palettes, and what is transparent is shown all the same", "[image]") {
  CHECK(pixels({1, 1, 16, 2, bytes({0, 1, 255, 2, 255, 3, 0})}) == std::vector<int>{1, 2, 3});
  CHECK(pixels({2, 1, 8, 6, bytes({0, 1, 2, 3, 0, 4, 5, 6, 255})}) == std::vector<int>{1, 2, 3, 4, 5, 6});
  CHECK(pixels({1, 1, 16, 6, bytes({0, 1, 9, 2, 9, 3, 9, 0, 0})}) == std::vector<int>{1, 2, 3});
  const std::string palette = chunk("PLTE", bytes({9, 8, 7, 6, 5, 4}));
  CHECK(pixels({3, 1, 8, 3, bytes({0, 1, 0, 200}), palette}) == std::vector<int>{6, 5, 4, 9, 8, 7, 0, 0, 0});
  for (const int depth : {1, 2, 4})
    CHECK(pixels({1, 1, depth, 3, bytes({0, 1 << (8 - depth)}), palette + chunk("tRNS", bytes({0, 0}))}) ==
          std::vector<int>{6, 5, 4});
  CHECK(grays({2, 1, 8, 0, bytes({0, 7, 9}), chunk("tRNS", bytes({0, 7}))}) == std::vector<int>{7, 9});
  CHECK(grays({4, 1, 2, 0, bytes({0, 0x1b}), chunk("tRNS", bytes({0, 1}))}) == std::vector<int>{0, 85, 170, 255});
  CHECK(pixels({1, 1, 8, 2, bytes({0, 1, 2, 3}),
                chunk("tRNS", bytes({0, 1, 0, 2, 0, 3})) + chunk("gAMA", big_endian(45455))}) ==
        std::vector<int>{1, 2, 3});
}

TEST_CASE("png: interlaced pictures, of 16-bit gray too", "[image]") {
  // 3 x 2, Adam7: (0,0); then (2,0); then (1,0); then the second line.
  CHECK(grays({3, 2, 8, 0, bytes({0, 1, 0, 3, 0, 2, 0, 4, 5, 6}), "", true}) == std::vector<int>{1, 2, 3, 4, 5, 6});
  CHECK(grays({3, 2, 16, 0, bytes({0, 0, 1, 0, 0, 3, 0, 0, 2, 0, 0, 4, 0, 5, 9, 6}), "", true}) ==
        std::vector<int>{1, 2, 3, 4, 5, 255});
}

TEST_CASE("png: a header that claims 2^31 x 2^31 pixels is beyond a limit, whatever follows", "[image]") {
  for (const auto& [width, height] : {std::pair{1u << 31, 1u << 31},
                                      {0x7fffffffu, 0x7fffffffu},
                                      {32'769u, 1u},
                                      {1u, 32'769u},
                                      {32'768u, 32'768u},
                                      {10'000u, 5'001u},
                                      {~0u, ~0u}})
    CHECK_THROWS_AS(pixels({width, height, 8, 2, "\0"}), limit_error);
  CHECK_THROWS_AS(pixels({0, 1, 8, 2, "\0"}), format_error);
  decode_options o;
  o.bounds.image_side = 2;
  CHECK_NOTHROW(pixels({2, 1, 8, 0, bytes({0, 1, 2})}, o));
  CHECK_THROWS_AS(pixels({3, 1, 8, 0, bytes({0, 1, 2, 3})}, o), limit_error);
  o.bounds.image_bytes = 50;
  CHECK_THROWS_AS(pixels({2, 1, 8, 0, bytes({0, 1, 2})}, o), limit_error);
}

TEST_CASE("png: missing palettes, wrong checksums, unknown critical chunks and missing lines are format errors",
          "[image]") {
  CHECK_THROWS_AS(pixels({1, 1, 8, 3, bytes({0, 0})}), format_error);
  CHECK_THROWS_AS(pixels({1, 1, 8, 5, bytes({0, 0})}), format_error);
  CHECK_THROWS_AS(pixels({1, 1, 3, 0, bytes({0, 0})}), format_error);
  CHECK_THROWS_AS(pixels({1, 1, 8, 0, bytes({9, 0})}), format_error);  // a filter that does not exist
  CHECK_THROWS_AS(pixels({1, 3, 8, 0, bytes({0, 1, 0, 2})}), format_error);
  CHECK_THROWS_AS(pixels({1, 1, 8, 0, bytes({0, 0}), chunk("CRIT", "abc")}), format_error);
  CHECK_NOTHROW(pixels({1, 1, 8, 0, bytes({0, 0}), chunk("anci", "abc")}));
  std::string file = make_png({1, 1, 8, 0, bytes({0, 77})});
  file[file.size() - 20] ^= 1;
  CHECK_THROWS_AS(decode_png(bytes_of(file)), format_error);
}

TEST_CASE("png: profiles and texts are passed over unread", "[image]") {
  const std::string bomb = chunk("iCCP", bytes({'x', 0, 0}) + "no deflate data") +
                           chunk("zTXt", bytes({'x', 0, 0}) + "neither") + chunk("tEXt", std::string(100'000, 'a'));
  CHECK(pixels({1, 1, 8, 2, bytes({0, 1, 2, 3}), bomb}) == std::vector<int>{1, 2, 3});
}

TEST_CASE("png: an early end may be accepted: the lines that are there, counted", "[image]") {
  const image p = made_picture(40, 30);
  const auto whole = encode_png(p, 0);  // not compressed: what is cut off is what is missing
  std::atomic<std::uint64_t> count{0};
  decode_options o;
  o.truncated = &count;
  const image part = decode_png(std::span(whole).first(whole.size() / 2), o);
  CHECK(count == 1);
  CHECK(std::equal(part.pixels.begin(), part.pixels.begin() + 15 * 90, p.pixels.begin()));
  CHECK(std::count(part.pixels.end() - 15 * 90, part.pixels.end(), 0) == 15 * 90);
  CHECK(decode_png(whole, o) == p);
  CHECK(count == 1);
  CHECK_THROWS_AS(decode_png(std::span(whole).first(20), o), format_error);  // no sides, no picture
  CHECK_THROWS_AS(decode_png(std::span(whole).first(whole.size() / 2)), format_error);
}
