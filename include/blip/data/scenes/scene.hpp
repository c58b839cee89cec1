// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <vector>

#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI::scenes {

enum class shape : std::uint8_t { circle, square, triangle, cross, ring, diamond, star, moon };
enum class colour : std::uint8_t { red, green, blue, yellow, purple, orange, pink, white, cyan, brown };
enum class magnitude : std::uint8_t { small, large, medium };
enum class texture : std::uint8_t { plain, striped, spotted, checked };
enum class relation : std::uint8_t { left_of, right_of, above, below };
enum class backdrop : std::uint8_t { plain, stripes, checks, gradient, spots, crossing };

constexpr relation reversed(relation r) {
  constexpr std::array<relation, 4> other{relation::right_of, relation::left_of, relation::below, relation::above};
  return other[static_cast<std::size_t>(r)];
}

// One thing in a picture. Places and lengths count 1/256 pixel, so that the picture of a scene has the same bytes
// whatever compiler and processor drew it.
struct object {
  shape form = shape::circle;
  colour hue = colour::red;
  magnitude scale = magnitude::small;
  texture fill = texture::plain;
  std::int32_t x = 0, y = 0, radius = 0;
  std::array<std::int16_t, 3> tint{};  // this one's deviation from the colour's name, per channel

  friend bool operator==(const object&, const object&) = default;
};

struct background {
  backdrop kind = backdrop::plain;
  std::array<std::uint8_t, 3> rgb{};
  std::int32_t period = 1, amplitude = 0, along_x = 1, along_y = 0, phase = 0;  // pixels, levels, direction of stripes

  friend bool operator==(const background&, const background&) = default;
};

// What a picture shows, complete: objects from back to front.
struct scene {
  std::int32_t pixels = 0;  // width and height
  std::vector<object> objects{};
  background behind{};
  bool shadows = false;
  std::int32_t grain = 0;             // sensor noise, standard deviation in 1/256 levels
  std::uint64_t grain_seed = 0;

  // How far apart two centres are at least where one thing stands beside another.
  std::int32_t margin() const { return pixels * 256 / 7; }

  friend bool operator==(const scene&, const scene&) = default;
};

// Whether a stands in relation r to b. Of two things on a diagonal two relations hold.
inline bool holds(const scene& s, relation r, const object& a, const object& b) {
  switch (r) {
    case relation::left_of:
      return b.x - a.x >= s.margin();
    case relation::right_of:
      return a.x - b.x >= s.margin();
    case relation::above:
      return b.y - a.y >= s.margin();
    case relation::below:
      return a.y - b.y >= s.margin();
  }
  return false;
}

// The relation that one would name: along the axis on which the two are further apart; none when they are too close.
inline std::optional<relation> between(const scene& s, const object& a, const object& b) {
  const bool horizontal = std::abs(a.x - b.x) >= std::abs(a.y - b.y);
  const relation r = horizontal ? (a.x < b.x ? relation::left_of : relation::right_of)
                                : (a.y < b.y ? relation::above : relation::below);
  return holds(s, r, a, b) ? std::optional(r) : std::nullopt;
}

}  // namespace blip::inline BLIP_ABI::scenes
