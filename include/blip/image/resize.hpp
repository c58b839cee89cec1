// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "blip/image/image.hpp"
#include "blip/image/resize_filter.hpp"

namespace blip::inline BLIP_ABI {

// The part of a picture that is resized, in pixels and parts of them; Pillow's `box`.
struct resize_area {
  float left = 0, top = 0, right = 0, bottom = 0;
};

namespace detail {

// out[i] = the weighted sum of N bytes i, i + stride, ..., rounded, clipped to 0..255.
template <int N>
void weigh(const std::uint8_t* in, std::size_t stride, const int* weights, int count, std::uint8_t* out) {
  std::array<int, N> sum;
  sum.fill(1 << (resize_weights::bits - 1));
  for (int t = 0; t < count; ++t, in += stride)
    for (std::size_t i = 0; i < N; ++i) sum[i] += weights[t] * in[i];
  for (std::size_t i = 0; i < N; ++i)
    out[i] = static_cast<std::uint8_t>(std::clamp(sum[i] >> resize_weights::bits, 0, 255));
}

inline constexpr int resize_lanes = 48;  // bytes that are summed at once: 16 pixels

// [height, in] -> [height, out]. 16 rows at a time are laid side by side, so that both passes sum whole vectors.
inline image resize_rows(image_view from, const resize_weights& w) {
  constexpr int block = resize_lanes / 3;
  const int first = w.places.front().first, last = w.places.back().first + w.places.back().count;
  image to(from.height, static_cast<int>(w.places.size()));
  std::vector<std::uint8_t> turned(static_cast<std::size_t>(last - first) * resize_lanes);
  std::array<std::uint8_t, resize_lanes> sums;
  for (int y = 0; y < from.height; y += block) {
    const int rows = std::min(block, from.height - y);
    for (int r = 0; r < rows; ++r) {
      const std::uint8_t* in = from.row(y + r) + 3 * first;
      std::uint8_t* out = turned.data() + 3 * r;
      for (int x = first; x < last; ++x, in += 3, out += resize_lanes) std::memcpy(out, in, 3);
    }
    for (int x = 0; x < to.width; ++x) {
      const auto& p = w.places[static_cast<std::size_t>(x)];
      weigh<resize_lanes>(turned.data() + static_cast<std::size_t>(p.first - first) * resize_lanes, resize_lanes,
                          w.weights.data() + p.at, p.count, sums.data());
      for (int r = 0; r < rows; ++r) std::memcpy(to.row(y + r) + 3 * x, sums.data() + 3 * r, 3);
    }
  }
  return to;
}

// [in, width] -> [out, width]; row 0 of `from` is row `skipped` of what the weights count.
inline image resize_columns(image_view from, int skipped, const resize_weights& w) {
  image to(static_cast<int>(w.places.size()), from.width);
  const int bytes = 3 * from.width;
  for (int y = 0; y < to.height; ++y) {
    const auto& p = w.places[static_cast<std::size_t>(y)];
    const std::uint8_t* in = from.row(p.first - skipped);
    const int* weights = w.weights.data() + p.at;
    if (bytes < resize_lanes) {
      for (int i = 0; i < bytes; ++i) weigh<1>(in + i, from.stride, weights, p.count, to.row(y) + i);
      continue;
    }
    for (int i = 0; i < bytes; i += resize_lanes) {
      const int at = std::min(i, bytes - resize_lanes);  // the last ones overlap: the same sums again
      weigh<resize_lanes>(in + at, from.stride, weights, p.count, to.row(y) + at);
    }
  }
  return to;
}

inline image resize_nearest(image_view from, int height, int width, const resize_area& a) {
  // Steps are added up, as Pillow does, not multiplied: the sums round differently.
  const auto places = [](float begin, float end, int inputs, int outputs) {
    std::vector<int> at(static_cast<std::size_t>(outputs));
    const double step = static_cast<double>(end - begin) / outputs;
    double place = begin + step * 0.5;
    for (int& x : at) {
      x = std::clamp(static_cast<int>(place), 0, inputs - 1);
      place += step;
    }
    return at;
  };
  const auto columns = places(a.left, a.right, from.width, width), rows = places(a.top, a.bottom, from.height, height);
  image to(height, width);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      std::memcpy(to.row(y) + 3 * x,
                  from.row(rows[static_cast<std::size_t>(y)]) + 3 * columns[static_cast<std::size_t>(x)], 3);
  return to;
}

inline image copied(image_view from) {
  image to(from.height, from.width);
  for (int y = 0; y < to.height; ++y) std::copy_n(from.row(y), 3 * to.width, to.row(y));
  return to;
}

}  // namespace detail

// Resizes with the bits of Pillow (up to 12): filters spread when they shrink (antialiasing), rows first, then columns,
// each only where the size changes, weights in units of 2^-22, 8 bits in between. `area` is Pillow's box: only what it
// bounds is spread over the result, but filters reach beyond it; a view of a box (image_view) is cut off there.
// Throws shape_error for a picture or result without pixels, config_error for an area outside.
// Source: torchvision's and the published code's preprocessing rest on Pillow's Image.resize.
inline image resize(image_view from, int height, int width, resize_filter f = resize_filter::bicubic,
                    std::optional<resize_area> area = {}) {
  if (height < 1 || width < 1 || from.height < 1 || from.width < 1)
    throw shape_error({"resize: sides",
                       "from 1 on",
                       std::to_string(from.height) + " x " + std::to_string(from.width) + " to " +
                           std::to_string(height) + " x " + std::to_string(width),
                       {}});
  const resize_area whole{0, 0, static_cast<float>(from.width), static_cast<float>(from.height)};
  const resize_area a = area.value_or(whole);
  if (!(a.left >= 0 && a.top >= 0 && a.right <= whole.right && a.bottom <= whole.bottom && a.left < a.right &&
        a.top < a.bottom))
    throw config_error({"resize: area",
                        "not empty, inside the picture",
                        std::to_string(a.left) + ", " + std::to_string(a.top) + " to " + std::to_string(a.right) +
                            ", " + std::to_string(a.bottom),
                        {}});
  const bool across = width != from.width || a.left != 0 || a.right != whole.right;
  const bool down = height != from.height || a.top != 0 || a.bottom != whole.bottom;
  if (!across && !down) return detail::copied(from);
  if (f == resize_filter::nearest) return detail::resize_nearest(from, height, width, a);

  const detail::resize_weights rows(f, from.height, a.top, a.bottom, height);
  int skipped = 0;
  if (down) {  // rows that no result looks at are left out
    skipped = rows.places.front().first;
    from = image_view(from, {0, skipped, from.width, rows.places.back().first + rows.places.back().count - skipped});
  }
  if (!across) return detail::resize_columns(from, skipped, rows);
  image wide = detail::resize_rows(from, detail::resize_weights(f, from.width, a.left, a.right, width));
  return down ? detail::resize_columns(wide, skipped, rows) : wide;
}

}  // namespace blip::inline BLIP_ABI
