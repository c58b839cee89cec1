// SPDX-License-Identifier: Apache-2.0
#pragma once

// clang-format off
#include <cstdio>  // jpeglib.h needs FILE
#include <jpeglib.h>
// clang-format on

#include <new>
#include <span>

#include "blip/image/guarded_call.hpp"
#include "blip/image/image.hpp"

namespace blip::inline BLIP_ABI {

struct jpeg_options {
  int quality = 90;          // 1 to 100
  bool full_colour = false;  // colour at every pixel; otherwise at every second in each direction
  bool progressive = false;
};

namespace detail {

class jpeg_encoder {
 public:
  jpeg_encoder() {
    info_.err = jpeg_std_error(&errors_);
    errors_.error_exit = [](j_common_ptr info) {
      info->err->format_message(info, self(info).call_.message());
      self(info).call_.fail();
    };
    errors_.emit_message = [](j_common_ptr, int) {};
    info_.client_data = this;
    target_.init_destination = [](j_compress_ptr info) { grow(info); };
    target_.empty_output_buffer = [](j_compress_ptr info) -> boolean {
      self(reinterpret_cast<j_common_ptr>(info)).used_ = self(reinterpret_cast<j_common_ptr>(info)).file_.size();
      grow(info);
      return TRUE;
    };
    target_.term_destination = [](j_compress_ptr) {};
  }
  jpeg_encoder(const jpeg_encoder&) = delete;
  jpeg_encoder& operator=(const jpeg_encoder&) = delete;
  ~jpeg_encoder() { jpeg_destroy_compress(&info_); }

  std::vector<std::byte> encode(image_view picture, const jpeg_options& o) {
    attempt([&] {
      jpeg_create_compress(&info_);
      info_.client_data = this;
      info_.dest = &target_;
      info_.image_width = static_cast<JDIMENSION>(picture.width);
      info_.image_height = static_cast<JDIMENSION>(picture.height);
      info_.input_components = 3;
      info_.in_color_space = JCS_RGB;
      jpeg_set_defaults(&info_);
      jpeg_set_quality(&info_, o.quality, TRUE);
      if (o.full_colour) info_.comp_info[0].h_samp_factor = info_.comp_info[0].v_samp_factor = 1;
      if (o.progressive) jpeg_simple_progression(&info_);
      jpeg_start_compress(&info_, TRUE);
      for (int y = 0; y < picture.height; ++y) {
        auto* row = const_cast<JSAMPLE*>(picture.row(y));  // only read
        jpeg_write_scanlines(&info_, &row, 1);
      }
      jpeg_finish_compress(&info_);
    });
    file_.resize(file_.size() - target_.free_in_buffer);
    return std::move(file_);
  }

 private:
  static jpeg_encoder& self(j_common_ptr info) { return *static_cast<jpeg_encoder*>(info->client_data); }

  // Doubles the file and points libjpeg at its free part.
  static void grow(j_compress_ptr info) {
    jpeg_encoder& e = self(reinterpret_cast<j_common_ptr>(info));
    try {  // no exception may cross the library's frames
      e.file_.resize(e.file_.empty() ? 16'384 : 2 * e.file_.size());
    } catch (const std::bad_alloc&) {
      e.no_memory_ = true;
    }
    if (e.no_memory_) e.call_.fail();
    e.target_.next_output_byte = reinterpret_cast<JOCTET*>(e.file_.data() + e.used_);
    e.target_.free_in_buffer = e.file_.size() - e.used_;
  }
  void attempt(function_ref<void()> body) {
    if (call_.run(body)) return;
    if (no_memory_) throw std::bad_alloc();
    throw shape_error({"encode_jpeg: picture", "one that libjpeg encodes", call_.reason(), {}});
  }

  std::vector<std::byte> file_;
  std::size_t used_ = 0;
  bool no_memory_ = false;
  guarded_call call_;
  jpeg_error_mgr errors_{};
  jpeg_destination_mgr target_{};
  jpeg_compress_struct info_{};
};

}  // namespace detail

// A JPEG file. Throws shape_error for a picture without pixels or with a side above 65,500, config_error.
inline std::vector<std::byte> encode_jpeg(const image& picture, const jpeg_options& o = {}) {
  if (o.quality < 1 || o.quality > 100)
    throw config_error({"encode_jpeg: quality", "1 to 100", std::to_string(o.quality), {}});
  return detail::jpeg_encoder().encode(picture, o);
}

}  // namespace blip::inline BLIP_ABI
