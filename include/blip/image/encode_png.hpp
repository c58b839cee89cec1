// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <png.h>

#include <new>
#include <span>

#include "blip/image/guarded_call.hpp"
#include "blip/image/image.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

class png_encoder {
 public:
  png_encoder() = default;
  png_encoder(const png_encoder&) = delete;
  png_encoder& operator=(const png_encoder&) = delete;
  ~png_encoder() { png_destroy_write_struct(&png_, &info_); }

  std::vector<std::byte> encode(image_view picture, int compression) {
    attempt([&] {
      png_ = png_create_write_struct(PNG_LIBPNG_VER_STRING, this, &fail, [](png_structp, png_const_charp) {});
      info_ = png_ ? png_create_info_struct(png_) : nullptr;
      if (!info_) call_.fail();
      png_set_write_fn(png_, this, &write, [](png_structp) {});
      png_set_compression_level(png_, compression);
      png_set_IHDR(png_, info_, static_cast<png_uint_32>(picture.width), static_cast<png_uint_32>(picture.height), 8,
                   PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
      png_write_info(png_, info_);
      for (int y = 0; y < picture.height; ++y) png_write_row(png_, picture.row(y));
      png_write_end(png_, nullptr);
    });
    return std::move(file_);
  }

 private:
  static void fail(png_structp png, png_const_charp message) {
    auto& e = *static_cast<png_encoder*>(png_get_error_ptr(png));
    std::snprintf(e.call_.message(), guarded_call::message_bytes, "%s", message);
    e.call_.fail();
  }
  static void write(png_structp png, png_bytep from, std::size_t n) {
    auto& e = *static_cast<png_encoder*>(png_get_io_ptr(png));
    try {  // no exception may cross the library's frames
      const auto* const bytes = reinterpret_cast<const std::byte*>(from);
      e.file_.insert(e.file_.end(), bytes, bytes + n);
    } catch (const std::bad_alloc&) {
      e.no_memory_ = true;
    }
    if (e.no_memory_) png_error(png, "no memory");
  }
  void attempt(function_ref<void()> body) {
    if (call_.run(body)) return;
    if (no_memory_ || !info_) throw std::bad_alloc();
    throw shape_error({"encode_png: picture", "one that libpng encodes", call_.reason(), {}});
  }

  std::vector<std::byte> file_;
  bool no_memory_ = false;
  guarded_call call_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

}  // namespace detail

// A PNG file of 8-bit RGB. `compression` is zlib's: 0 (none) to 9. Throws shape_error for a picture without pixels or
// with a side above a million, config_error.
inline std::vector<std::byte> encode_png(const image& picture, int compression = 6) {
  if (compression < 0 || compression > 9)
    throw config_error({"encode_png: compression", "0 to 9", std::to_string(compression), {}});
  return detail::png_encoder().encode(picture, compression);
}

}  // namespace blip::inline BLIP_ABI
