// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "image/made_picture.hpp"

namespace blip_test {

// PNG files byte by byte, without a library: what is wrong with one is up to the test.
inline std::string big_endian(std::uint32_t v) {
  std::string s;
  for (int shift = 24; shift >= 0; shift -= 8) s += static_cast<char>(v >> shift & 255);
  return s;
}
inline std::string chunk(const std::string& type, const std::string& data) {
  const std::string body = type + data;
  const std::vector<std::uint8_t> bytes(body.begin(), body.end());
  return big_endian(static_cast<std::uint32_t>(data.size())) + body + big_endian(crc32(bytes));
}
// zlib's format with one block that is not compressed.
inline std::string stored(const std::string& raw) {
  const auto n = static_cast<std::uint32_t>(raw.size());
  std::string s("\x78\x01\x01", 3);
  for (const std::uint32_t v : {n, ~n}) s += static_cast<char>(v & 255), s += static_cast<char>(v >> 8 & 255);
  std::uint32_t a = 1, b = 0;
  for (const char c : raw) a = (a + static_cast<unsigned char>(c)) % 65521, b = (b + a) % 65521;
  return s + raw + big_endian(b << 16 | a);
}

struct png_parts {
  std::uint32_t width = 1, height = 1;
  int depth = 8, color = 2;
  std::string raw{};     // lines, each with its filter byte
  std::string before{};  // chunks between header and data
  bool interlaced = false;
};
inline std::string make_png(const png_parts& p) {
  std::string header = big_endian(p.width) + big_endian(p.height);
  for (const int v : {p.depth, p.color, 0, 0, p.interlaced ? 1 : 0}) header += static_cast<char>(v);
  return std::string("\x89PNG\r\n\x1a\n") + chunk("IHDR", header) + p.before + chunk("IDAT", stored(p.raw)) +
         chunk("IEND", "");
}

}  // namespace blip_test
