// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "blip/image/image.hpp"

namespace blip_test {

// A picture with edges, slopes and noise that other programs can make as well.
inline blip::image made_picture(int height, int width) {
  blip::image p(height, width);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < 3; ++c)
        p.row(y)[3 * x + c] = static_cast<std::uint8_t>((x * x * 7 + y * 13 + x * y * 3 + c * 85 + (x ^ y) * 29) & 255);
  return p;
}
// One that JPEG keeps well.
inline blip::image gentle_picture(int height, int width) {
  blip::image p(height, width);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < 3; ++c) p.row(y)[3 * x + c] = static_cast<std::uint8_t>((3 * x + 2 * y + 40 * c) / 2 & 255);
  return p;
}

// CRC-32 as in PNG, zip and Python's zlib.crc32.
inline std::uint32_t crc32(std::span<const std::uint8_t> bytes) {
  std::uint32_t crc = ~0u;
  for (const std::uint8_t b : bytes) {
    crc ^= b;
    for (int i = 0; i < 8; ++i) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0u);
  }
  return ~crc;
}

// Text as the bytes of a file.
inline std::vector<std::byte> bytes_of(const std::string& text) {
  const auto view = std::as_bytes(std::span(text));
  return {view.begin(), view.end()};
}

}  // namespace blip_test
