// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "blip/image/image.hpp"

namespace blip::inline BLIP_ABI {

// What pixels are brought to mean 0 and deviation 1 with: (value scale - mean) / deviation, by channel.
struct pixel_statistics {
  std::array<double, 3> mean{}, deviation{1, 1, 1};
  double scale = 1.0 / 255;
};

// Those of CLIP, which ALBEF and BLIP, every checkpoint of theirs and their copies on Hugging Face use.
inline constexpr pixel_statistics clip_statistics{{0.48145466, 0.4578275, 0.40821073},
                                                  {0.26862954, 0.26130258, 0.27577711}};
// Those of ImageNet, for vision towers that were trained elsewhere.
inline constexpr pixel_statistics imagenet_statistics{{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}};

// A picture as a row of pixels for the vision tower: [3, height, width], normalised in float as torchvision does.
// Throws shape_error unless `row` has 3 height width values, config_error for a deviation or scale of 0.
inline void normalise(const image& picture, std::span<float> row, const pixel_statistics& s = clip_statistics) {
  const image_view view(picture);
  const std::size_t size = static_cast<std::size_t>(view.height) * static_cast<std::size_t>(view.width);
  require_equal("normalise", "values of the row", static_cast<long long>(row.size()), static_cast<long long>(3 * size));
  std::array<std::array<float, 256>, 3> table;
  for (std::size_t c = 0; c < 3; ++c) {
    const auto mean = static_cast<float>(s.mean[c]), deviation = static_cast<float>(s.deviation[c]);
    if (!(std::abs(deviation) > 0) || !(std::abs(s.scale) > 0) || !std::isfinite(mean))
      throw config_error({"normalise: statistics",
                          "finite means, scale and deviations other than 0",
                          std::to_string(mean) + ", " + std::to_string(s.scale) + ", " + std::to_string(deviation),
                          {}});
    for (std::size_t v = 0; v < 256; ++v)
      table[c][v] = (static_cast<float>(static_cast<double>(v) * s.scale) - mean) / deviation;
  }
  const std::uint8_t* in = picture.pixels.data();
  for (std::size_t i = 0; i < size; ++i, in += 3)
    for (std::size_t c = 0; c < 3; ++c) row[c * size + i] = table[c][in[c]];
}

// Pictures of equal sides as pixels of a picture_batch: [count, 3 * height * width].
inline std::vector<float> normalise(std::span<const image> pictures, const pixel_statistics& s = clip_statistics) {
  if (pictures.empty()) return {};
  const image& first = pictures[0];
  const std::size_t width = first.pixels.size();
  std::vector<float> rows(pictures.size() * width);
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    require_equal("normalise: pictures", "height", pictures[i].height, first.height);
    require_equal("normalise: pictures", "width", pictures[i].width, first.width);
    normalise(pictures[i], std::span(rows).subspan(i * width, width), s);
  }
  return rows;
}

// The way back, for display: [3, height, width] to 8 bits, rounded and clipped.
inline image denormalise(std::span<const float> row, int height, int width,
                         const pixel_statistics& s = clip_statistics) {
  image picture(height, width);
  const std::size_t size = picture.pixels.size() / 3;
  require_equal("denormalise", "values of the row", static_cast<long long>(row.size()),
                static_cast<long long>(3 * size));
  for (std::size_t i = 0; i < size; ++i)
    for (std::size_t c = 0; c < 3; ++c) {
      const double v = (static_cast<double>(row[c * size + i]) * s.deviation[c] + s.mean[c]) / s.scale;
      picture.pixels[3 * i + c] = static_cast<std::uint8_t>(v > 0 ? std::min(std::nearbyint(v), 255.0) : 0);
    }
  return picture;
}

}  // namespace blip::inline BLIP_ABI
