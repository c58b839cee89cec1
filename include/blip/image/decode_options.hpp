// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "blip/core/error.hpp"
#include "blip/core/limits.hpp"

namespace blip::inline BLIP_ABI {

struct decode_options {
  bool orient = false;  // turn as a JPEG's EXIF orientation says; the published code does not
  // Not null: a file that ends early gives the part that is there, and is counted here. Null: it is a format_error.
  std::atomic<std::uint64_t>* truncated = nullptr;
  limits bounds{};                           // image_pixels, image_side, image_bytes
  int jpeg_scans = 100;                      // of a progressive JPEG; more are an attack on time
  std::uint64_t decoder_bytes = 256u << 20;  // what libjpeg may hold for all scans of a progressive JPEG
};

namespace detail {

// Throws limit_error unless an encoded picture and the sides that it claims are within the bounds. Comes before any
// memory is taken.
inline void require_encoded(const std::string& name, std::span<const std::byte> bytes, const decode_options& o) {
  require_within(name, "bytes of an encoded picture", bytes.size(), o.bounds.image_bytes);
}
inline void require_sides(const std::string& name, std::uint64_t height, std::uint64_t width, const decode_options& o) {
  const auto side = static_cast<std::uint64_t>(o.bounds.image_side);
  require_within(name, "width of the picture", width, side);
  require_within(name, "height of the picture", height, side);
  require_within(name, "pixels of the picture", height * width, o.bounds.image_pixels);
}

[[noreturn]] inline void throw_unreadable(const std::string& name, const char* format, std::string_view expected,
                                          std::string_view found) {
  throw format_error({name + ": not a readable " + format, expected, found, {}});
}
[[noreturn]] inline void throw_truncated(const std::string& name, const char* format) {
  throw format_error({name + ": a " + format + " that ends early", "a complete file", "the end of the data",
                      "decode_options::truncated accepts what is there"});
}

}  // namespace detail

}  // namespace blip::inline BLIP_ABI
