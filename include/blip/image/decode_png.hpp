// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <png.h>

#include <algorithm>
#include <cstring>

#include "blip/image/decode_options.hpp"
#include "blip/image/guarded_call.hpp"
#include "blip/image/image.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

inline constexpr unsigned char png_signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

class png_decoder {
 public:
  png_decoder(std::span<const std::byte> bytes, const decode_options& o, const std::string& name)
      : name_(name), options_(o), bytes_(bytes) {}
  png_decoder(const png_decoder&) = delete;
  png_decoder& operator=(const png_decoder&) = delete;
  ~png_decoder() { png_destroy_read_struct(&png_, &info_, nullptr); }

  image decode() {
    // The sides come first in every PNG; libpng would take a picture beyond its limits for a broken one.
    if (bytes_.size() >= 24) require_sides(name_, big_endian(20), big_endian(16), options_);
    attempt([&] {
      png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, &fail, [](png_structp, png_const_charp) {});
      info_ = png_ ? png_create_info_struct(png_) : nullptr;
      if (!info_) fail_with("no memory");
      png_set_read_fn(png_, this, &read);
      const auto side = static_cast<png_uint_32>(options_.bounds.image_side);
      png_set_user_limits(png_, side, side);
      // Byte by byte, no byte before the end of the data is lost.
      if (options_.truncated && !has_end()) png_set_compression_buffer_size(png_, 1);
      // Texts, profiles and the like say nothing about the pixels, and may unpack to much: not read at all.
      static constexpr png_byte ignored[] = "iCCP\0zTXt\0iTXt\0tEXt\0eXIf\0sPLT\0hIST\0pCAL\0sCAL\0tIME\0tRNS";
      png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, ignored, sizeof ignored / 5);
      png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, 0);
      png_read_info(png_, info_);
    });
    const png_uint_32 width = png_get_image_width(png_, info_), height = png_get_image_height(png_, info_);
    const int depth = png_get_bit_depth(png_, info_), color = png_get_color_type(png_, info_);
    require_sides(name_, height, width, options_);
    const bool gray16 = depth == 16 && color == PNG_COLOR_TYPE_GRAY;
    int passes = 1;
    attempt([&] {
      if (color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png_);
      if (color == PNG_COLOR_TYPE_GRAY && depth < 8) png_set_expand_gray_1_2_4_to_8(png_);
      if (depth == 16 && !gray16) png_set_strip_16(png_);
      if ((color & PNG_COLOR_MASK_ALPHA) != 0) png_set_strip_alpha(png_);
      if ((color & PNG_COLOR_MASK_COLOR) == 0 && !gray16) png_set_gray_to_rgb(png_);
      passes = png_set_interlace_handling(png_);
      png_read_update_info(png_, info_);
    });
    image result(static_cast<int>(height), static_cast<int>(width));
    const std::size_t row_bytes = std::size_t{width} * (gray16 ? 2 : 3);
    if (png_get_rowbytes(png_, info_) != row_bytes)
      throw_unreadable(name_, "PNG", std::to_string(row_bytes) + " bytes in a row",
                       std::to_string(png_get_rowbytes(png_, info_)));
    png_colorp palette = nullptr;
    int colors = 0;
    if (png_get_PLTE(png_, info_, &palette, &colors) != 0 && color == PNG_COLOR_TYPE_PALETTE && colors > 0)
      for (std::size_t i = 0; i < result.pixels.size(); i += 3)  // what a file that ends early leaves open is index 0
        result.pixels[i] = palette->red, result.pixels[i + 1] = palette->green, result.pixels[i + 2] = palette->blue;
    std::vector<std::uint8_t> values(gray16 ? row_bytes * height : 0);  // whole, as interlacing needs it
    std::uint8_t* const rows = gray16 ? values.data() : result.pixels.data();
    attempt(
        [&] {
          for (int pass = 0; pass < passes; ++pass)
            for (png_uint_32 y = 0; y < height; ++y) png_read_row(png_, rows + y * row_bytes, nullptr);
          png_read_end(png_, nullptr);
        },
        options_.truncated != nullptr);
    if (ended_) ++*options_.truncated;
    if (gray16)
      for (std::size_t i = 0; i < values.size() / 2; ++i)  // Pillow clips such pictures
        std::fill_n(result.pixels.data() + 3 * i, 3, values[2 * i] != 0 ? std::uint8_t{255} : values[2 * i + 1]);
    return result;
  }

 private:
  std::uint64_t big_endian(std::size_t at) const {
    std::uint64_t v = 0;
    for (std::size_t i = at; i < at + 4; ++i) v = v << 8 | std::to_integer<std::uint64_t>(bytes_[i]);
    return v;
  }

  bool has_end() const { return bytes_.size() >= 8 && std::memcmp(bytes_.data() + bytes_.size() - 8, "IEND", 4) == 0; }

  static void fail(png_structp png, png_const_charp message) {
    static_cast<png_decoder*>(png_get_error_ptr(png))->fail_with(message);
  }
  [[noreturn]] void fail_with(const char* message) {
    std::snprintf(call_.message(), guarded_call::message_bytes, "%s", message);
    call_.fail();
  }
  static void read(png_structp png, png_bytep to, std::size_t n) {
    auto& d = *static_cast<png_decoder*>(png_get_io_ptr(png));
    if (n > d.bytes_.size() - d.at_) {
      d.ended_ = true;
      png_error(png, "the data end");
    }
    std::memcpy(to, d.bytes_.data() + d.at_, n);
    d.at_ += n;
  }

  void attempt(function_ref<void()> body, bool may_end = false) {
    if (call_.run(body)) return;
    if (!ended_) throw_unreadable(name_, "PNG", "one that libpng decodes", call_.reason());
    if (!may_end) throw_truncated(name_, "PNG");
  }

  const std::string& name_;
  const decode_options& options_;
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
  bool ended_ = false;
  guarded_call call_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

}  // namespace detail

// Reads a PNG of any colour type and depth, interlaced or not, through libpng. The pixels are those of Pillow's
// convert("RGB"): alpha, transparent colours, profiles and gamma are dropped; of 16-bit values the high byte is kept,
// but in gray pictures without alpha they become min(255, v). Throws format_error for what libpng refuses (checksums
// count) and for data that end early, limit_error (pixels, sides, bytes).
inline image decode_png(std::span<const std::byte> bytes, const decode_options& o = {},
                        const std::string& name = "picture") {
  detail::require_encoded(name, bytes, o);
  return detail::png_decoder(bytes, o, name).decode();
}

// The format for decode_as.
struct png_format {
  static constexpr const char* name = "PNG";
  static bool recognises(std::span<const std::byte> b) {
    return b.size() >= 8 && std::memcmp(b.data(), detail::png_signature, 8) == 0;
  }
  static image decode(std::span<const std::byte> b, const decode_options& o, const std::string& from) {
    return decode_png(b, o, from);
  }
};

}  // namespace blip::inline BLIP_ABI
