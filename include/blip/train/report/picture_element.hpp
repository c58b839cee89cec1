// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "blip/image/encode_jpeg.hpp"
#include "blip/image/encode_png.hpp"
#include "blip/image/resize.hpp"
#include "blip/train/report/markup.hpp"

namespace blip::inline BLIP_ABI::report {

inline std::string base64(std::span<const std::byte> bytes) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t n = std::min<std::size_t>(3, bytes.size() - at);
    unsigned group = 0;
    for (std::size_t i = 0; i < 3; ++i) group = group << 8 | (i < n ? static_cast<unsigned>(bytes[at + i]) : 0u);
    for (std::size_t i = 0; i < 4; ++i) out += i <= n ? letters[(group >> (18 - 6 * i)) & 63] : '=';
  }
  return out;
}

// Where a side is above the bound, the picture smaller, in its proportions.
inline image shrunk(const image& picture, int bound) {
  const image_view view(picture);
  const int side = std::max(view.width, view.height);
  if (side <= bound) return picture;
  const auto to = [&](int s) { return std::max(1, static_cast<int>(static_cast<long long>(s) * bound / side)); };
  return resize(view, to(view.height), to(view.width));
}

// A picture as an element that holds it. Up to `whole` pixels a side as PNG, shown in whole pixels; larger ones as JPEG
// of at most 240 pixels a side, so that a hundred of them are a few megabytes. One without pixels gives nothing. Throws
// shape_error for a picture whose sides and pixels disagree.
inline void picture_element(markup& m, const image& picture, std::string_view described, int whole = 96) {
  const image_view view(picture);
  if (view.width < 1 || view.height < 1) return;
  if (std::max(view.width, view.height) <= whole) {
    m.element(
        "img",
        {{"class", "pixels"}, {"alt", described}, {"src", "data:image/png;base64," + base64(encode_png(picture, 9))}});
    return;
  }
  m.element("img",
            {{"alt", described}, {"src", "data:image/jpeg;base64," + base64(encode_jpeg(shrunk(picture, 240)))}});
}

}  // namespace blip::inline BLIP_ABI::report
