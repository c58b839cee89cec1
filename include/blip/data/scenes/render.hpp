// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "blip/core/error.hpp"
#include "blip/data/scenes/distance.hpp"
#include "blip/data/scenes/draws.hpp"
#include "blip/data/scenes/scene.hpp"
#include "blip/image/image.hpp"

namespace blip::inline BLIP_ABI::scenes {

namespace detail {

using rgb = std::array<std::int32_t, 3>;

constexpr rgb pure(colour c) {
  constexpr std::array<rgb, 10> table{{{220, 40, 40},
                                       {50, 180, 60},
                                       {50, 80, 225},
                                       {235, 220, 50},
                                       {145, 55, 190},
                                       {240, 140, 30},
                                       {245, 150, 195},
                                       {240, 240, 240},
                                       {60, 215, 220},
                                       {130, 80, 40}}};
  return table[static_cast<std::size_t>(c)];
}

constexpr std::uint8_t to_byte(std::int32_t v) { return static_cast<std::uint8_t>(std::clamp(v, 0, 255)); }

// v / period for 0 <= v < 2^15 and period < 2^8, by a product.
class divider {
 public:
  explicit divider(std::int32_t period) : period_(period), inverse_((1 << 16) / period + 1) {}
  std::int32_t quotient(std::int32_t v) const { return (v * inverse_) >> 16; }
  std::int32_t remainder(std::int32_t v) const { return v - quotient(v) * period_; }

 private:
  std::int32_t period_, inverse_;
};

// How much brighter the background is at a pixel.
template <backdrop K>
std::int32_t level(const background& b, const divider& by, std::int32_t size, std::int32_t x, std::int32_t y) {
  if constexpr (K == backdrop::stripes) {
    const std::int32_t t = b.along_x * x + b.along_y * y + b.phase + size;
    return (by.quotient(t) & 1) != 0 ? b.amplitude : -b.amplitude;
  } else if constexpr (K == backdrop::checks) {
    return ((by.quotient(x) ^ by.quotient(y)) & 1) != 0 ? b.amplitude : -b.amplitude;
  } else if constexpr (K == backdrop::gradient) {
    return b.amplitude * 2 * (b.along_x * x + b.along_y * y) / size;
  } else if constexpr (K == backdrop::spots) {
    const std::int32_t dx = 2 * by.remainder(x) - b.period, dy = 2 * by.remainder(y) - b.period;
    return 3 * (dx * dx + dy * dy) < b.period * b.period ? b.amplitude : 0;
  } else if constexpr (K == backdrop::crossing) {
    return ((by.quotient(x + y) ^ by.quotient(x - y + size)) & 1) != 0 ? b.amplitude : -b.amplitude;
  } else {
    return 0;
  }
}

template <backdrop K>
void paint_background(const scene& s, std::uint8_t* out) {
  const divider by(s.behind.period);
  for (std::int32_t y = 0; y < s.pixels; ++y)
    for (std::int32_t x = 0; x < s.pixels; ++x) {
      const std::int32_t more = level<K>(s.behind, by, s.pixels, x, y);
      for (const std::uint8_t base : s.behind.rgb) *out++ = to_byte(base + more);
    }
}

// Whether a point of an object lies in a dark part of its texture.
inline bool dark(texture t, std::int32_t period, std::int32_t x, std::int32_t y) {
  const auto band = [&](std::int32_t v) { return (v + 64 * period) / period; };
  switch (t) {
    case texture::plain:
      return false;
    case texture::striped:
      return (band(x + y) & 1) != 0;
    case texture::checked:
      return ((band(x) ^ band(y)) & 1) != 0;
    case texture::spotted: {
      const std::int32_t dx = x - (band(x) - 64) * period - period / 2, dy = y - (band(y) - 64) * period - period / 2;
      return dx * dx + dy * dy < period * period / 9;
    }
  }
  return false;
}

// Calls blend(pixel, coverage 1 to 256, x, y) for the pixels that a shape around (cx, cy) touches.
template <shape S, class F>
void cover(std::int32_t size, std::int32_t cx, std::int32_t cy, std::int32_t radius, std::uint8_t* out, F blend) {
  const distance<S> inside(radius);
  const std::int32_t reach = radius * 9 / 8 + 256;
  const auto pixel = [&](std::int32_t v) { return std::clamp(v >> 8, 0, size); };
  for (std::int32_t py = pixel(cy - reach); py < pixel(cy + reach + 256); ++py)
    for (std::int32_t px = pixel(cx - reach); px < pixel(cx + reach + 256); ++px) {
      const std::int32_t x = px * 256 + 128 - cx, y = py * 256 + 128 - cy;
      const std::int32_t coverage = std::clamp(inside(x, y) + 128, 0, 256);
      if (coverage > 0) blend(out + 3 * (py * size + px), coverage, x, y);
    }
}

template <shape S>
void paint(const scene& s, const object& o, std::uint8_t* out) {
  if (s.shadows)
    cover<S>(s.pixels, o.x + o.radius / 6, o.y + o.radius / 6, o.radius, out,
             [](std::uint8_t* p, std::int32_t coverage, std::int32_t, std::int32_t) {
               for (int c = 0; c < 3; ++c) p[c] = static_cast<std::uint8_t>(p[c] - ((p[c] * coverage * 3) >> 11));
             });
  rgb light = pure(o.hue), low{};
  for (std::size_t c = 0; c < 3; ++c) {
    light[c] += o.tint[c];
    low[c] = light[c] * 9 / 16;
  }
  const std::int32_t period = std::max(o.radius / 3, 256);
  cover<S>(s.pixels, o.x, o.y, o.radius, out, [&](std::uint8_t* p, std::int32_t coverage, std::int32_t x, std::int32_t y) {
    const rgb& own = o.fill != texture::plain && dark(o.fill, period, x, y) ? low : light;
    for (std::size_t c = 0; c < 3; ++c) p[c] = to_byte(p[c] + (((own[c] - p[c]) * coverage) >> 8));
  });
}

// Sensor noise: a triangular distribution from two nibbles of an addressed byte, standard deviation `grain` / 256.
inline void add_grain(const scene& s, std::span<std::uint8_t> out) {
  const draws d(s.grain_seed, purpose::grain, 1, 0);
  const std::int32_t scale = s.grain * 256 / 1669;  // two nibbles deviate by 6.52 = 1669 / 256
  for (std::size_t at = 0; at < out.size(); at += 16) {
    const philox_counter four = d.block(static_cast<std::uint32_t>(at / 16));
    const std::size_t n = std::min<std::size_t>(16, out.size() - at);
    for (std::size_t i = 0; i < n; ++i) {
      const auto byte = static_cast<std::int32_t>((four[i / 4] >> (8 * (i % 4))) & 255u);
      out[at + i] = to_byte(out[at + i] + ((((byte & 15) + (byte >> 4) - 15) * scale + 128) >> 8));
    }
  }
}

}  // namespace detail

// Draws a scene: the background, objects from back to front with anti-aliased outlines, sensor noise. Whole numbers only,
// so that the bytes are the same everywhere. `out` is [pixels, pixels, 3]. Throws shape_error.
inline void render(const scene& s, std::span<std::uint8_t> out) {
  require_equal("scenes::render", "bytes", static_cast<long long>(out.size()), 3LL * s.pixels * s.pixels);
  using backdrops = void (*)(const scene&, std::uint8_t*);
  constexpr std::array<backdrops, 6> grounds{
      detail::paint_background<backdrop::plain>,    detail::paint_background<backdrop::stripes>,
      detail::paint_background<backdrop::checks>,   detail::paint_background<backdrop::gradient>,
      detail::paint_background<backdrop::spots>,    detail::paint_background<backdrop::crossing>};
  using shapes = void (*)(const scene&, const object&, std::uint8_t*);
  constexpr std::array<shapes, 8> things{detail::paint<shape::circle>,   detail::paint<shape::square>,
                                         detail::paint<shape::triangle>, detail::paint<shape::cross>,
                                         detail::paint<shape::ring>,     detail::paint<shape::diamond>,
                                         detail::paint<shape::star>,     detail::paint<shape::moon>};
  grounds[static_cast<std::size_t>(s.behind.kind)](s, out.data());
  for (const object& o : s.objects) things[static_cast<std::size_t>(o.form)](s, o, out.data());
  if (s.grain > 0) detail::add_grain(s, out);
}

inline image render(const scene& s) {
  image picture(s.pixels, s.pixels);
  render(s, picture.pixels);
  return picture;
}

}  // namespace blip::inline BLIP_ABI::scenes
