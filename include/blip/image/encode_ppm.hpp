// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "blip/image/image.hpp"

namespace blip::inline BLIP_ABI {

// A binary PPM (P6) file. Throws shape_error for a picture without pixels.
inline std::vector<std::byte> encode_ppm(const image& picture) {
  const image_view view(picture);
  if (view.height < 1 || view.width < 1) throw shape_error({"encode_ppm: picture", "at least one pixel", "none", {}});
  const std::string header = "P6\n" + std::to_string(view.width) + " " + std::to_string(view.height) + "\n255\n";
  std::vector<std::byte> file;
  file.reserve(header.size() + picture.pixels.size());
  const auto append = [&](std::span<const std::byte> bytes) { file.insert(file.end(), bytes.begin(), bytes.end()); };
  append(std::as_bytes(std::span(header)));
  append(std::as_bytes(std::span(picture.pixels)));
  return file;
}

}  // namespace blip::inline BLIP_ABI
