// SPDX-License-Identifier: Apache-2.0
#pragma once

// clang-format off
#include <cstdio>  // jpeglib.h needs FILE, jerror.h needs jpeglib.h
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include "blip/image/decode_options.hpp"
#include "blip/image/exif_orientation.hpp"
#include "blip/image/guarded_call.hpp"
#include "blip/image/image.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

class jpeg_decoder {
 public:
  jpeg_decoder(const decode_options& o, const std::string& name) : name_(name), options_(o) {
    info_.client_data = this;
    info_.err = jpeg_std_error(&errors_);
    errors_.error_exit = [](j_common_ptr info) {
      info->err->format_message(info, self(info).call_.message());
      self(info).call_.fail();
    };
    errors_.emit_message = [](j_common_ptr info, int level) {
      if (level >= 0) return;  // a trace
      const int code = info->err->msg_code;
      // Both mean that data are missing: the end of the file, or a marker where data should be. libjpeg goes on with
      // gray, however large the picture claims to be. Other warnings are let pass, as Pillow does.
      if (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER) {
        self(info).short_ = true;
        if (!self(info).options_.truncated) self(info).call_.fail();
      }
    };
    static_assert(JMSG_LENGTH_MAX <= guarded_call::message_bytes);
    monitor_.progress_monitor = [](j_common_ptr info) {
      jpeg_decoder& d = self(info);
      if (d.info_.input_scan_number > d.options_.jpeg_scans) {
        d.too_many_scans_ = true;
        d.call_.fail();
      }
    };
  }
  jpeg_decoder(const jpeg_decoder&) = delete;
  jpeg_decoder& operator=(const jpeg_decoder&) = delete;
  ~jpeg_decoder() { jpeg_destroy_decompress(&info_); }

  image decode(std::span<const std::byte> bytes) {
    attempt([&] {
      jpeg_create_decompress(&info_);
      info_.client_data = this;
      info_.progress = &monitor_;
      info_.mem->max_memory_to_use = static_cast<long>(options_.decoder_bytes);
      jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(bytes.data()),
                   static_cast<unsigned long>(bytes.size()));
      jpeg_read_header(&info_, TRUE);
    });
    require_sides(name_, info_.image_height, info_.image_width, options_);
    const int parts = info_.num_components;
    if (parts != 1 && parts != 3 && parts != 4)
      throw_unreadable(name_, "JPEG", "1, 3 or 4 components", std::to_string(parts));
    attempt([&] {
      info_.out_color_space = parts == 4 ? JCS_CMYK : JCS_RGB;
      jpeg_start_decompress(&info_);
    });
    image result(static_cast<int>(info_.image_height), static_cast<int>(info_.image_width));
    std::vector<std::uint8_t> inks(parts == 4 ? std::size_t{info_.image_width} * 4 : 0);
    attempt([&] {
      while (info_.output_scanline < info_.output_height) {
        std::uint8_t* const to = result.row(static_cast<int>(info_.output_scanline));
        JSAMPROW row = parts == 4 ? inks.data() : to;
        jpeg_read_scanlines(&info_, &row, 1);
        if (parts == 4) mix_inks(inks.data(), info_.image_width, to);
      }
      jpeg_finish_decompress(&info_);
    });
    if (short_) ++*options_.truncated;
    return result;
  }

 private:
  static jpeg_decoder& self(j_common_ptr info) { return *static_cast<jpeg_decoder*>(info->client_data); }

  void attempt(function_ref<void()> body) {
    if (call_.run(body)) return;
    if (too_many_scans_)
      throw limit_error(
          {name_ + ": scans of a progressive JPEG", "at most " + std::to_string(options_.jpeg_scans), "more", {}});
    if (short_ && !options_.truncated) throw_truncated(name_, "JPEG");
    if (errors_.msg_code == JERR_NO_BACKING_STORE)  // libjpeg would go to a file
      throw limit_error(
          {name_ + ": memory to decode a JPEG", "at most " + std::to_string(options_.decoder_bytes), "more", {}});
    throw_unreadable(name_, "JPEG", "one that libjpeg decodes", call_.reason());
  }

  // CMYK files hold 255 minus the ink, whether or not Adobe's marker says so; R = white left by C times that by K.
  static void mix_inks(const std::uint8_t* inks, unsigned pixels, std::uint8_t* rgb) {
    for (unsigned x = 0; x < pixels; ++x, inks += 4, rgb += 3)
      for (int c = 0; c < 3; ++c) {
        const unsigned t = unsigned{inks[c]} * inks[3] + 128;
        rgb[c] = static_cast<std::uint8_t>((t + (t >> 8)) >> 8);  // divided by 255, rounded
      }
  }

  const std::string& name_;
  const decode_options& options_;
  guarded_call call_;
  bool short_ = false, too_many_scans_ = false;
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr monitor_{};
  jpeg_decompress_struct info_{};
};

}  // namespace detail

// Reads a JPEG: gray, YCbCr, RGB, CMYK and YCCK, baseline and progressive, through libjpeg-turbo with its accurate
// inverse DCT and smooth upsampling. The pixels are those of Pillow's convert("RGB"). Throws format_error for what
// libjpeg refuses and for data that end early, limit_error (pixels, sides, bytes, scans, memory).
inline image decode_jpeg(std::span<const std::byte> bytes, const decode_options& o = {},
                         const std::string& name = "picture") {
  detail::require_encoded(name, bytes, o);
  image picture = detail::jpeg_decoder(o, name).decode(bytes);
  return o.orient ? turned(std::move(picture), exif_orientation(bytes)) : picture;
}

// The format for decode_as.
struct jpeg_format {
  static constexpr const char* name = "JPEG";
  static bool recognises(std::span<const std::byte> b) {
    return b.size() > 2 && b[0] == std::byte{0xff} && b[1] == std::byte{0xd8} && b[2] == std::byte{0xff};
  }
  static image decode(std::span<const std::byte> b, const decode_options& o, const std::string& from) {
    return decode_jpeg(b, o, from);
  }
};

}  // namespace blip::inline BLIP_ABI
