// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "blip/core/error.hpp"

namespace blip::inline BLIP_ABI {

// A picture in memory: 8-bit RGB, rows from the top, pixels from the left, [height, width, 3].
struct image {
  int height = 0, width = 0;
  std::vector<std::uint8_t> pixels{};

  image() = default;
  image(int h, int w, std::uint8_t value = 0) : height(h), width(w) {
    if (h < 0 || w < 0)
      throw shape_error({"image", "sides from 0 on", std::to_string(h) + " x " + std::to_string(w), {}});
    pixels.assign(static_cast<std::size_t>(h) * static_cast<std::size_t>(w) * 3, value);
  }

  std::uint8_t* row(int y) { return pixels.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width) * 3; }
  const std::uint8_t* row(int y) const { return const_cast<image*>(this)->row(y); }

  friend bool operator==(const image&, const image&) = default;
};

// A rectangle of whole pixels.
struct pixel_box {
  int left = 0, top = 0, width = 0, height = 0;

  friend bool operator==(const pixel_box&, const pixel_box&) = default;
};

// An image, or a box cut from one, seen without a copy. It must not outlive the pixels. Throws shape_error for an image
// whose sides and pixels disagree and for a box that is empty or not inside.
struct image_view {
  const std::uint8_t* pixels = nullptr;
  int height = 0, width = 0;
  std::size_t stride = 0;  // bytes from row to row

  image_view() = default;
  image_view(const image& whole)  // NOLINT(google-explicit-constructor)
      : pixels(whole.pixels.data()),
        height(whole.height),
        width(whole.width),
        stride(static_cast<std::size_t>(whole.width) * 3) {
    require_equal("image", "bytes of the pixels", static_cast<long long>(whole.pixels.size()), 3LL * height * width);
  }
  image_view(image_view whole, const pixel_box& box)
      : pixels(whole.pixels), height(box.height), width(box.width), stride(whole.stride) {
    if (box.left < 0 || box.top < 0 || box.width < 1 || box.height < 1 || box.left > whole.width - box.width ||
        box.top > whole.height - box.height)
      throw shape_error({"image_view: box",
                         "one inside " + std::to_string(whole.width) + " x " + std::to_string(whole.height),
                         std::to_string(box.width) + " x " + std::to_string(box.height) + " at " +
                             std::to_string(box.left) + ", " + std::to_string(box.top),
                         {}});
    pixels += static_cast<std::size_t>(box.top) * stride + static_cast<std::size_t>(box.left) * 3;
  }

  const std::uint8_t* row(int y) const { return pixels + static_cast<std::size_t>(y) * stride; }
};

}  // namespace blip::inline BLIP_ABI
