// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>

#include "blip/image/image.hpp"
#include "blip/image/picture_site.hpp"

namespace blip::inline BLIP_ABI {

// Which part of a picture training sees: a share of its area from min_area to max_area, width : height from min_ratio
// to max_ratio. The defaults are those of pre-training; fine-tuning takes min_area 0.5.
struct crop_rule {
  double min_area = 0.2, max_area = 1;
  double min_ratio = 3.0 / 4, max_ratio = 4.0 / 3;
};

// One try: a share of the area and a ratio become a width and a height, or nothing if they do not fit. Halves round to
// even, as in Python.
inline std::optional<pixel_box> crop_candidate(int height, int width, double area, double ratio) {
  const double target = static_cast<double>(height) * width * area;
  const double w = std::nearbyint(std::sqrt(target * ratio)), h = std::nearbyint(std::sqrt(target / ratio));
  if (!(w >= 1 && w <= width && h >= 1 && h <= height)) return {};
  return pixel_box{0, 0, static_cast<int>(w), static_cast<int>(h)};
}

// When no try fits: the largest box in the middle whose ratio is within the bounds.
inline pixel_box crop_in_the_middle(int height, int width, const crop_rule& r = {}) {
  pixel_box box{0, 0, width, height};
  const double ratio = static_cast<double>(width) / height;
  if (ratio < r.min_ratio) box.height = static_cast<int>(std::nearbyint(width / r.min_ratio));
  if (ratio > r.max_ratio) box.width = static_cast<int>(std::nearbyint(height * r.max_ratio));
  box.width = std::clamp(box.width, 1, width), box.height = std::clamp(box.height, 1, height);
  box.left = (width - box.width) / 2, box.top = (height - box.height) / 2;
  return box;
}

// torchvision's RandomResizedCrop: up to ten tries with uniform areas and ratios uniform in their logarithm, a place
// uniform among those where the box fits. Uses the choices 0 to 39 of the site. Throws config_error for a rule without
// sense, shape_error for a picture without pixels.
inline pixel_box random_crop(int height, int width, const picture_site& at, const crop_rule& r = {}) {
  if (height < 1 || width < 1) throw shape_error({"random_crop: picture", "at least one pixel", "none", {}});
  if (!(r.min_area > 0 && r.min_area <= r.max_area && r.min_ratio > 0 && r.min_ratio <= r.max_ratio &&
        std::isfinite(r.max_area) && std::isfinite(r.max_ratio)))
    throw config_error({"random_crop: rule",
                        "0 < min_area <= max_area, 0 < min_ratio <= max_ratio",
                        std::to_string(r.min_area) + ", " + std::to_string(r.max_area) + ", " +
                            std::to_string(r.min_ratio) + ", " + std::to_string(r.max_ratio),
                        {}});
  const double low = std::log(r.min_ratio), high = std::log(r.max_ratio);
  for (std::uint32_t attempt = 0; attempt < 10; ++attempt) {
    const std::uint32_t choice = 4 * attempt;
    const double area = r.min_area + (r.max_area - r.min_area) * at.uniform(choice);
    auto box = crop_candidate(height, width, area, std::exp(low + (high - low) * at.uniform(choice + 1)));
    if (!box) continue;
    box->top = at.below(choice + 2, height - box->height + 1);
    box->left = at.below(choice + 3, width - box->width + 1);
    return *box;
  }
  return crop_in_the_middle(height, width, r);
}

// Left becomes right.
inline void mirror(image& picture) {
  for (int y = 0; y < picture.height; ++y) {
    std::uint8_t *left = picture.row(y), *right = left + 3 * (picture.width - 1);
    for (; left < right; left += 3, right -= 3) std::swap_ranges(left, left + 3, right);
  }
}

}  // namespace blip::inline BLIP_ABI
