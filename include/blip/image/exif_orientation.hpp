// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "blip/image/image.hpp"

namespace blip::inline BLIP_ABI {

// The orientation, 1 to 8, that the EXIF data of a JPEG name; 1 (as stored) when there are none or they make no sense.
// Source: TIFF 6.0, section 2, and EXIF 2.3, tag 0x0112.
inline int exif_orientation(std::span<const std::byte> jpeg) {
  const auto at = [](std::span<const std::byte> b, std::size_t i) { return std::to_integer<unsigned>(b[i]); };
  for (std::size_t p = 2; p + 4 <= jpeg.size();) {
    if (at(jpeg, p) != 0xff) return 1;
    const unsigned marker = at(jpeg, p + 1);
    const std::size_t length = at(jpeg, p + 2) << 8 | at(jpeg, p + 3);
    if (marker == 0xda || length < 2 || length > jpeg.size() - p - 2) return 1;  // 0xda: the picture itself begins
    const auto content = jpeg.subspan(p + 4, length - 2);
    p += 2 + length;
    if (marker != 0xe1 || content.size() < 14 || std::memcmp(content.data(), "Exif\0\0", 6) != 0) continue;
    const auto tiff = content.subspan(6);
    const bool little = at(tiff, 0) == 'I';
    const auto number = [&](std::size_t i, int bytes) {
      std::size_t value = 0;
      for (int n = 0; n < bytes; ++n)
        value |= std::size_t{at(tiff, i + static_cast<std::size_t>(n))} << 8 * (little ? n : bytes - 1 - n);
      return value;
    };
    const std::size_t directory = number(4, 4);
    if (directory > tiff.size() - 2) return 1;
    const std::size_t there = (tiff.size() - directory - 2) / 12;
    const std::size_t entries = std::min(number(directory, 2), there);
    for (std::size_t e = 0; e < entries; ++e) {
      const std::size_t entry = directory + 2 + 12 * e;
      if (number(entry, 2) != 0x0112) continue;
      const std::size_t value = number(entry + 8, 2);
      return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
    }
    return 1;
  }
  return 1;
}

// A picture as an EXIF orientation wants it to be shown: 2 mirrored, 3 turned by 180 degrees, 4 upside down, 5 mirrored
// along the diagonal, 6 turned clockwise, 7 along the other diagonal, 8 turned counter-clockwise.
inline image turned(image picture, int orientation) {
  if (orientation < 2 || orientation > 8) return picture;
  const bool swapped = orientation >= 5;
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  image result(swapped ? picture.width : picture.height, swapped ? picture.height : picture.width);
  for (int y = 0; y < result.height; ++y)
    for (int x = 0; x < result.width; ++x) {
      const int column = swapped ? y : x, line = swapped ? x : y;
      const std::uint8_t* from = picture.row(from_bottom ? picture.height - 1 - line : line) +
                                 3 * (from_right ? picture.width - 1 - column : column);
      std::copy_n(from, 3, result.row(y) + 3 * x);
    }
  return result;
}

}  // namespace blip::inline BLIP_ABI
