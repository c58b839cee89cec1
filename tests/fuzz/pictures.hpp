// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/image/decode_image.hpp"
#include "fuzz/target.hpp"

namespace blip_test {

inline constexpr std::uint64_t most_pixels = 1u << 18;

// Decodes with a format's own decoder and with the one that chooses, strictly and accepting files that end early.
template <class Decode>
void use_picture(byte_span input, Decode decode) {
  blip::decode_options o;
  o.bounds.image_pixels = most_pixels, o.orient = true;
  std::atomic<std::uint64_t> cut{0};
  blip::decode_options tolerant = o;
  tolerant.truncated = &cut;
  unless_refused([&] { look_at(decode(input, tolerant).pixels); });
  unless_refused([&] { look_at(blip::decode_image(input, o).pixels); });
  const blip::image picture = decode(input, o);
  if (picture.pixels.size() != 3u * static_cast<unsigned>(picture.height) * static_cast<unsigned>(picture.width))
    throw std::logic_error("a picture of other sides than pixels");
  look_at(picture.pixels);
}

}  // namespace blip_test
