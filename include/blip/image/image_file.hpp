// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "blip/core/file.hpp"
#include "blip/image/decode_image.hpp"
#include "blip/image/encode_jpeg.hpp"
#include "blip/image/encode_png.hpp"
#include "blip/image/encode_ppm.hpp"

namespace blip::inline BLIP_ABI {

// A JPEG, PNG or PNM file, chosen by content. Throws what decode_image throws, and io_error. Needs component `images`.
inline image read_image(const std::filesystem::path& path, const decode_options& o = {}) {
  const auto bytes = read_file<std::vector<std::byte>>(path.string(), o.bounds.image_bytes, "bytes of an encoded picture");
  return decode_image(bytes, o, path.string());
}

// Writes .png, .jpg, .jpeg or .ppm, chosen by the name; the file appears complete or not at all. Throws io_error, config_error for another name. Needs component `images`.
inline void write_image(const std::filesystem::path& path, const image& picture, const jpeg_options& o = {}) {
  std::string ending = path.extension().string();
  for (char& c : ending)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  std::vector<std::byte> bytes;
  if (ending == ".png")
    bytes = encode_png(picture);
  else if (ending == ".jpg" || ending == ".jpeg")
    bytes = encode_jpeg(picture, o);
  else if (ending == ".ppm")
    bytes = encode_ppm(picture);
  else
    throw config_error({path.string() + ": writing a picture",
                        "a name with .png, .jpg, .jpeg or .ppm",
                        ending.empty() ? "none of them" : ending,
                        {}});
  write_file(path.string(), bytes);
}

}  // namespace blip::inline BLIP_ABI
