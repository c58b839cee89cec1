// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "blip/image/decode_image.hpp"
#include "blip/image/encode_jpeg.hpp"
#include "blip/image/encode_png.hpp"
#include "blip/image/encode_ppm.hpp"

namespace blip::inline BLIP_ABI {

// The bytes of a picture's file. Throws io_error, limit_error for a file above limits::image_bytes.
inline std::vector<std::byte> read_picture_bytes(const std::filesystem::path& path, const decode_options& o = {}) {
  std::error_code refused;
  const bool regular = std::filesystem::is_regular_file(path, refused);
  const auto size = regular ? std::filesystem::file_size(path, refused) : 0;
  if (refused) throw io_error({path.string() + ": opening failed", {}, {}, refused.message()});
  if (!regular) throw io_error({path.string() + ": not a regular file", {}, {}, {}});
  if (size > o.bounds.image_bytes)
    detail::beyond(path.string(), "bytes of an encoded picture", o.bounds.image_bytes, size);
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  std::ifstream file(path, std::ios::binary);
  if (!file) throw io_error({path.string() + ": opening failed", {}, {}, std::strerror(errno)});
  if (!file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size())))
    throw io_error({path.string() + ": reading failed", {}, {}, {}});
  return bytes;
}

// A JPEG, PNG or PNM file, chosen by content. Throws what decode_image throws, and io_error. Needs component `images`.
inline image read_image(const std::filesystem::path& path, const decode_options& o = {}) {
  return decode_image(read_picture_bytes(path, o), o, path.string());
}

// Writes .png, .jpg, .jpeg or .ppm, chosen by the name; the file appears complete or not at all. It is not synced to
// the disk: a picture can be made again. Throws io_error, config_error for another name. Needs component `images`.
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
  const std::filesystem::path temporary = path.string() + ".part";
  std::error_code refused;
  {
    std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
    if (!file) throw io_error({path.string() + ": creating failed", {}, {}, std::strerror(errno)});
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    file.close();
    if (!file) {
      std::filesystem::remove(temporary, refused);
      throw io_error({path.string() + ": writing failed", {}, {}, std::strerror(errno)});
    }
  }
  std::filesystem::rename(temporary, path, refused);
  if (refused) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    throw io_error({path.string() + ": renaming failed", {}, {}, refused.message()});
  }
}

}  // namespace blip::inline BLIP_ABI
