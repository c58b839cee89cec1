// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

#include "blip/data/scenes/scene.hpp"

namespace blip::inline BLIP_ABI::scenes {

// Signed distances to the outline of a shape of a given radius around (0, 0), positive inside, in 1/256 pixel and whole
// numbers throughout: near the outline they are right to a few units, which is all that anti-aliasing looks at.
// Radii up to 60 pixels, points up to 1.5 radii away.
template <shape S>
class distance {
 public:
  explicit distance(std::int32_t radius) : r_(radius), outer_(radius), inner_(inner_radius(radius)) {}

  std::int32_t operator()(std::int32_t x, std::int32_t y) const {
    if constexpr (S == shape::circle) {
      return outer_(x, y);
    } else if constexpr (S == shape::ring) {
      return std::min(outer_(x, y), -inner_(x, y));
    } else if constexpr (S == shape::moon) {
      return std::min(outer_(x, y), -inner_(x - r_ / 2, y));
    } else if constexpr (S == shape::square) {
      const std::int32_t half = r_ * 7 / 8;
      return half - std::max(std::abs(x), std::abs(y));
    } else if constexpr (S == shape::diamond) {
      return along(r_ * 9 / 8 - std::abs(x) - std::abs(y), 2896);  // 2896 / 4096 = 1 / sqrt 2
    } else if constexpr (S == shape::cross) {
      const std::int32_t bar = r_ * 3 / 8, ax = std::abs(x), ay = std::abs(y);
      return std::max(std::min(r_ - ax, bar - ay), std::min(bar - ax, r_ - ay));
    } else if constexpr (S == shape::triangle) {
      // Equilateral, standing, moved down to look centred; its sides are 5/8 r from its centre.
      const std::int32_t side = r_ * 5 / 8, down = y - r_ / 4;
      return std::min(side - down, side + along(down, 2048) - along(std::abs(x), 3547));  // sin, cos of 30 degrees
    } else {
      // A pentagram: inside at least four of the five lines through its points.
      const std::int32_t line = along(r_, 1350), ax = std::abs(x);  // r cos 72 degrees (with tips 1.07 r away)
      const std::int32_t rise = line + along(y, 1266), fall = line - along(y, 3314);
      const std::array<std::int32_t, 5> d{line + y, rise - along(ax, 3896), rise + along(ax, 3896),
                                          fall - along(ax, 2408), fall + along(ax, 2408)};
      std::int32_t least = d[0], second = INT32_MAX;
      for (std::size_t i = 1; i < 5; ++i) {
        second = std::min(second, std::max(least, d[i]));
        least = std::min(least, d[i]);
      }
      return second;
    }
  }

 private:
  // (r^2 - |p|^2) / 2r: the distance to a circle, to first order.
  class disc {
   public:
    explicit disc(std::int32_t radius) : square_(radius * radius), bound_(2 * radius * 256), scale_((1 << 20) / (2 * radius)) {}
    std::int32_t operator()(std::int32_t x, std::int32_t y) const {
      return (std::clamp(square_ - x * x - y * y, -bound_, bound_) * scale_) >> 20;
    }

   private:
    std::int32_t square_, bound_, scale_;
  };

  static std::int32_t along(std::int32_t length, std::int32_t factor) { return (length * factor) >> 12; }
  static std::int32_t inner_radius(std::int32_t r) { return S == shape::moon ? r * 7 / 8 : r * 9 / 16; }

  std::int32_t r_;
  disc outer_, inner_;
};

}  // namespace blip::inline BLIP_ABI::scenes
