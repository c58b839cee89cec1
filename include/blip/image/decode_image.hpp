// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/image/decode_as.hpp"
#include "blip/image/decode_jpeg.hpp"
#include "blip/image/decode_png.hpp"
#include "blip/image/decode_pnm.hpp"

namespace blip::inline BLIP_ABI {

// A JPEG, PNG or PNM file as 8-bit RGB, chosen by content, with the pixels of Pillow's convert("RGB"). Needs component
// `images`; without it decode_as<pnm_format> remains. Throws format_error and limit_error.
inline image decode_image(std::span<const std::byte> bytes, const decode_options& o = {},
                          const std::string& name = "picture") {
  return decode_as<jpeg_format, png_format, pnm_format>(bytes, o, name);
}

}  // namespace blip::inline BLIP_ABI
