// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "blip/image/image.hpp"

namespace blip::inline BLIP_ABI {

// Where the pixels of a picture go: x' = m0 x + m1 y + m2, y' = m3 x + m4 y + m5.
struct affine_map {
  std::array<double, 6> m{1, 0, 0, 0, 1, 0};

  static affine_map shear_x(double by) { return {{1, single(by), 0, 0, 1, 0}}; }
  static affine_map shear_y(double by) { return {{1, 0, 0, single(by), 1, 0}}; }
  static affine_map shift(double x, double y) { return {{1, 0, single(x), 0, 1, single(y)}}; }
  // About (width / 2, height / 2), counter-clockwise for positive degrees.
  static affine_map turn(double degrees, int height, int width) {
    const double angle = degrees * std::numbers::pi / 180, c = std::cos(angle), s = std::sin(angle);
    const double x = width / 2.0, y = height / 2.0;
    return {{c, s, (1 - c) * x - s * y, -s, c, s * x + (1 - c) * y}};
  }

  affine_map inverse() const {
    const double determinant = m[0] * m[4] - m[1] * m[3], d = determinant != 0 ? 1 / determinant : 0;
    const double a = m[4] * d, b = -m[1] * d, c = -m[3] * d, e = m[0] * d;
    return {{a, b, -a * m[2] - b * m[5], c, e, -c * m[2] - e * m[5]}};
  }

 private:
  static double single(double x) { return static_cast<float>(x); }  // the published matrices are in single precision
};

// Moves pixels along the map, bilinearly, sides unchanged; what comes from outside is `fill`. Fixed point as in OpenCV
// 4's warpAffine: places in units of 1/32 pixel, weights in units of 1/1024; the bits are the same.
inline image warp(image_view from, const affine_map& map, std::uint8_t fill = 128) {
  const auto m = map.inverse().m;
  const auto fixed = [](double v) {  // far away is far away: no overflow
    return static_cast<std::int64_t>(std::nearbyint(std::clamp(v * 1024, -0x1p40, 0x1p40)));
  };
  image to(from.height, from.width);
  std::vector<std::array<std::int64_t, 2>> along(static_cast<std::size_t>(from.width));
  for (std::size_t x = 0; x < along.size(); ++x)
    along[x] = {fixed(m[0] * static_cast<double>(x)), fixed(m[3] * static_cast<double>(x))};
  const std::array<std::uint8_t, 3> outside{fill, fill, fill};
  const auto at = [&](std::int64_t y, std::int64_t x) {
    const bool inside = x >= 0 && y >= 0 && x < from.width && y < from.height;
    return inside ? from.row(static_cast<int>(y)) + 3 * x : outside.data();
  };
  for (int y = 0; y < to.height; ++y) {
    const std::int64_t column = fixed(m[1] * y + m[2]) + 16, line = fixed(m[4] * y + m[5]) + 16;
    std::uint8_t* out = to.row(y);
    for (int x = 0; x < to.width; ++x, out += 3) {
      const auto& step = along[static_cast<std::size_t>(x)];
      const std::int64_t u = (column + step[0]) >> 5, v = (line + step[1]) >> 5;  // in units of 1/32
      const std::int64_t left = u >> 5, top = v >> 5;
      const int k = static_cast<int>(u & 31), l = static_cast<int>(v & 31);
      const std::uint8_t *p00, *p01, *p10, *p11;
      if (left >= 0 && top >= 0 && left + 1 < from.width && top + 1 < from.height) {
        p00 = from.row(static_cast<int>(top)) + 3 * left, p01 = p00 + 3;
        p10 = p00 + from.stride, p11 = p10 + 3;
      } else {
        p00 = at(top, left), p01 = at(top, left + 1), p10 = at(top + 1, left), p11 = at(top + 1, left + 1);
      }
      for (int c = 0; c < 3; ++c)
        out[c] = static_cast<std::uint8_t>(
            ((32 - k) * (32 - l) * p00[c] + k * (32 - l) * p01[c] + (32 - k) * l * p10[c] + k * l * p11[c] + 512) >>
            10);
    }
  }
  return to;
}

}  // namespace blip::inline BLIP_ABI
