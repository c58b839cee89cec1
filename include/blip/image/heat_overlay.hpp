// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <utility>

#include "blip/image/image.hpp"
#include "blip/image/resize_filter.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

// Sums of `line` with the weights around each place; beyond the ends it goes on mirrored.
inline void blur_line(std::span<const float> line, std::span<const float> half, std::span<float> out) {
  const auto n = static_cast<std::ptrdiff_t>(line.size());
  const auto at = [&](std::ptrdiff_t i) {
    while (i < 0 || i >= n) i = i < 0 ? -1 - i : 2 * n - 1 - i;
    return line[static_cast<std::size_t>(i)];
  };
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    float sum = half[0] * at(i);
    for (std::size_t d = 1; d < half.size(); ++d)
      sum += half[d] * (at(i - static_cast<std::ptrdiff_t>(d)) + at(i + static_cast<std::ptrdiff_t>(d)));
    out[static_cast<std::size_t>(i)] = sum;
  }
}

// [rows, columns] -> [columns, rows], each line changed on the way: twice gives a separable filter.
template <class F>
std::vector<float> turn_lines(const std::vector<float>& m, std::size_t columns, std::size_t new_columns, F change) {
  const std::size_t rows = m.size() / columns;
  std::vector<float> turned(rows * new_columns), line(new_columns);
  for (std::size_t r = 0; r < rows; ++r) {
    change(std::span(m).subspan(r * columns, columns), std::span(line));
    for (std::size_t c = 0; c < new_columns; ++c) turned[c * rows + r] = line[c];
  }
  return turned;
}

// To 0..1; a constant becomes 0.
inline void to_unit_range(std::vector<float>& m) {
  const auto [low, high] = std::minmax_element(m.begin(), m.end());
  const float from = *low, range = *high - *low;
  for (float& v : m) v = range > 0 ? (v - from) / range : 0;
}

// Blue, cyan, yellow, red: the colours that plots call jet, linear between these points.
inline std::array<float, 3> jet(float v) {
  using points = std::array<std::pair<float, float>, 6>;
  static constexpr std::array<points, 3> channels{{{{{0, 0}, {0.35f, 0}, {0.66f, 1}, {0.89f, 1}, {1, 0.5f}, {1, 0.5f}}},
                                                   {{{0, 0}, {0.125f, 0}, {0.375f, 1}, {0.64f, 1}, {0.91f, 0}, {1, 0}}},
                                                   {{{0, 0.5f}, {0.11f, 1}, {0.34f, 1}, {0.65f, 0}, {1, 0}, {1, 0}}}}};
  std::array<float, 3> color{};
  for (std::size_t c = 0; c < 3; ++c) {
    const points& p = channels[c];
    std::size_t i = 1;
    while (i + 1 < p.size() && v > p[i].first) ++i;
    const float width = p[i].first - p[i - 1].first, t = width > 0 ? (v - p[i - 1].first) / width : 0;
    color[c] = p[i - 1].second + t * (p[i].second - p[i - 1].second);
  }
  return color;
}

}  // namespace detail

// A picture under a map of what matters in it, for display: the map [rows, columns], such as Grad-CAM's over patches,
// is brought to 0..1, enlarged with a cubic filter, blurred (deviation 0.02 of the longer side), coloured and mixed in,
// out = (1 - m^0.7) picture + m^0.7 colour. Throws shape_error, numeric_error for a map that is not finite.
// Source: the visualisation of ALBEF; for the enlargement the cubic convolution stands in for its spline.
inline image heat_overlay(const image& picture, std::span<const float> map, int rows, int columns) {
  const image_view view(picture);
  require_equal("heat_overlay: map", "values", static_cast<long long>(map.size()),
                static_cast<long long>(rows) * columns);
  if (map.empty() || rows < 1 || view.height < 1 || view.width < 1)
    throw shape_error({"heat_overlay", "a map and a picture that are not empty", "an empty one", {}});
  if (!std::all_of(map.begin(), map.end(), [](float v) { return std::isfinite(v); }))
    throw numeric_error({"heat_overlay: map", "finite values", "others", {}});

  std::vector<float> m(map.begin(), map.end());
  detail::to_unit_range(m);
  const auto enlarge = [](int outputs) {
    return [outputs](std::span<const float> in, std::span<float> out) {
      const auto size = static_cast<int>(in.size());
      const detail::resize_weights w(resize_filter::bicubic, size, 0, static_cast<float>(size), outputs);
      for (std::size_t i = 0; i < out.size(); ++i) {
        float sum = 0;
        for (int t = 0; t < w.places[i].count; ++t)
          sum += static_cast<float>(w.weights[w.places[i].at + static_cast<std::size_t>(t)]) *
                 in[static_cast<std::size_t>(w.places[i].first + t)];
        out[i] = sum * 0x1p-22f;
      }
    };
  };
  const auto height = static_cast<std::size_t>(view.height), width = static_cast<std::size_t>(view.width);
  m = detail::turn_lines(m, static_cast<std::size_t>(columns), width, enlarge(view.width));
  m = detail::turn_lines(m, static_cast<std::size_t>(rows), height, enlarge(view.height));

  const double deviation = 0.02 * std::max(view.height, view.width);
  std::vector<float> half(static_cast<std::size_t>(4 * deviation + 0.5) + 1);
  double sum = 0;
  for (std::size_t d = 0; d < half.size(); ++d) {
    const double v = std::exp(-0.5 * static_cast<double>(d * d) / (deviation * deviation));
    half[d] = static_cast<float>(v), sum += d == 0 ? v : 2 * v;
  }
  for (float& v : half) v = static_cast<float>(v / sum);
  const auto blur = [&](std::span<const float> in, std::span<float> out) { detail::blur_line(in, half, out); };
  m = detail::turn_lines(m, width, width, blur);
  m = detail::turn_lines(m, height, height, blur);
  detail::to_unit_range(m);

  image mixed(picture.height, picture.width);
  for (std::size_t i = 0; i < m.size(); ++i) {
    const float share = std::pow(m[i], 0.7f);
    const auto color = detail::jet(m[i]);
    for (std::size_t c = 0; c < 3; ++c) {
      const float v = (1 - share) * static_cast<float>(picture.pixels[3 * i + c]) + share * 255 * color[c];
      mixed.pixels[3 * i + c] = static_cast<std::uint8_t>(std::clamp(v + 0.5f, 0.0f, 255.0f));
    }
  }
  return mixed;
}

}  // namespace blip::inline BLIP_ABI
