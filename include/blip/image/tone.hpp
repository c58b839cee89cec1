// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "blip/image/image.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

using tone_table = std::array<std::uint8_t, 256>;

// A float to 8 bits: clipped, decimals cut off.
template <class S>
std::uint8_t cut(S v) {
  return static_cast<std::uint8_t>(std::clamp(v, S(0), S(255)));
}
// Replaces each value of a channel by what its table says; `table(channel histogram)` builds one.
template <class F>
void retone(image& picture, F table) {
  std::array<std::array<std::int64_t, 256>, 3> counts{};
  for (std::size_t i = 0; i < picture.pixels.size(); i += 3)
    for (std::size_t c = 0; c < 3; ++c) ++counts[c][picture.pixels[i + c]];
  const std::array<tone_table, 3> tables{table(counts[0]), table(counts[1]), table(counts[2])};
  for (std::size_t i = 0; i < picture.pixels.size(); i += 3)
    for (std::size_t c = 0; c < 3; ++c) picture.pixels[i + c] = tables[c][picture.pixels[i + c]];
}
inline tone_table same_tones() {
  tone_table t;
  for (std::size_t v = 0; v < 256; ++v) t[v] = static_cast<std::uint8_t>(v);
  return t;
}

}  // namespace detail

// Spreads each channel over 0..255: (v - low) 255 / (high - low). `wrapped`: the published code negates `low` in 8
// bits, which saturates every channel whose least value is not 0; released checkpoints were trained so.
inline void auto_contrast(image& picture, bool wrapped = false) {
  detail::retone(picture, [&](const std::array<std::int64_t, 256>& counts) {
    detail::tone_table t = detail::same_tones();
    int low = 0, high = 255;
    while (low < 255 && counts[static_cast<std::size_t>(low)] == 0) ++low;
    while (high > 0 && counts[static_cast<std::size_t>(high)] == 0) --high;
    if (high <= low) return t;
    const double scale = 255.0 / (high - low), offset = (wrapped ? (256 - low) % 256 : -low) * scale;
    for (std::size_t v = 0; v < 256; ++v) {
      const volatile double scaled = static_cast<double>(v) * scale;  // rounded by itself, never fused with the sum
      t[v] = detail::cut(scaled + offset);
    }
    return t;
  });
}

// Spreads each channel so that values are about equally frequent:
// floor((floor(step / 2) + pixels below v) / step), step = floor((pixels - those of the highest value) / 255).
inline void equalize(image& picture) {
  detail::retone(picture, [](const std::array<std::int64_t, 256>& counts) {
    detail::tone_table t = detail::same_tones();
    std::int64_t pixels = 0, highest = 0;
    for (const std::int64_t n : counts) {
      pixels += n;
      if (n != 0) highest = n;
    }
    const std::int64_t step = (pixels - highest) / 255;
    if (step == 0) return t;
    std::int64_t sum = step / 2;
    for (std::size_t v = 0; v < 256; sum += counts[v], ++v)
      t[v] = static_cast<std::uint8_t>(std::min<std::int64_t>(sum / step, 255));
    return t;
  });
}

// v factor, clipped, decimals cut off.
inline void brighten(image& picture, double factor) {
  detail::tone_table t;
  for (std::size_t v = 0; v < 256; ++v) t[v] = detail::cut(static_cast<float>(v) * static_cast<float>(factor));
  for (std::uint8_t& v : picture.pixels) v = t[v];
}

// smooth + factor (v - smooth), where `smooth` is the mean of 3 x 3 pixels with 5 times the weight in the middle,
// rounded. The border stays. As in the published code results outside 0..255 wrap around; decimals are cut off.
inline void sharpen(image& picture, double factor) {
  if (static_cast<float>(factor) == 1.0f || picture.height < 3 || picture.width < 3) return;
  std::array<float, 511> change;  // by v - smooth
  for (int d = -255; d <= 255; ++d)
    change[static_cast<std::size_t>(d + 255)] = static_cast<float>(factor) * static_cast<float>(d);
  const image original = picture;
  const int step = 3 * picture.width;
  for (int y = 1; y + 1 < picture.height; ++y) {
    const std::uint8_t* in = original.row(y);
    std::uint8_t* out = picture.row(y);
    for (int i = 3; i < step - 3; ++i) {
      int sum = 4 * in[i];
      for (const int line : {i - step, i, i + step}) sum += in[line - 3] + in[line] + in[line + 3];
      const int smooth = (2 * sum + 13) / 26;  // sum / 13, rounded; there are no halves
      const float v = static_cast<float>(smooth) + change[static_cast<std::size_t>(in[i] - smooth + 255)];
      out[i] = static_cast<std::uint8_t>(static_cast<int>(v) & 255);
    }
  }
}

}  // namespace blip::inline BLIP_ABI
