// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/image/pixel_statistics.hpp"
#include "blip/image/resize.hpp"

namespace blip::inline BLIP_ABI {

// How evaluation looks at a picture: resized as a whole, sides not kept in proportion, nothing cut off. The fields of a
// preprocessor_config.json have their place here: size; do_resize; resample (pillow_filter); rescale_factor is
// statistics.scale, image_mean and image_std the rest of the statistics; without do_rescale the scale is 1, without
// do_normalize the mean 0 and the deviation 1.
struct evaluation_view_options {
  int height = 384, width = 384;
  bool resized = true;
  resize_filter filter = resize_filter::bicubic;
  pixel_statistics statistics = clip_statistics;
};

// The filter with Pillow's number, which configurations hold. Throws config_error for one that there is not.
inline resize_filter pillow_filter(int number) {
  switch (number) {
    case 0:
      return resize_filter::nearest;
    case 2:
      return resize_filter::bilinear;
    case 3:
      return resize_filter::bicubic;
    case 4:
      return resize_filter::box;
    default:
      throw config_error(
          {"pillow_filter: resample", "0 (nearest), 2 (bilinear), 3 (bicubic) or 4 (box)", std::to_string(number), {}});
  }
}

// Pictures of any sides as pixels of a picture_batch, [count, 3 * height * width]. Throws what resize and normalise
// throw; pictures that are not resized must have the sides named.
inline std::vector<float> evaluation_pixels(std::span<const image> pictures, const evaluation_view_options& o = {}) {
  const std::size_t width =
      3 * static_cast<std::size_t>(std::max(o.height, 0)) * static_cast<std::size_t>(std::max(o.width, 0));
  std::vector<float> rows(pictures.size() * width);
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const auto row = std::span(rows).subspan(i * width, width);
    if (o.resized) {
      normalise(resize(pictures[i], o.height, o.width, o.filter), row, o.statistics);
      continue;
    }
    require_equal("evaluation_pixels: picture", "height", pictures[i].height, o.height);
    require_equal("evaluation_pixels: picture", "width", pictures[i].width, o.width);
    normalise(pictures[i], row, o.statistics);
  }
  return rows;
}

}  // namespace blip::inline BLIP_ABI
