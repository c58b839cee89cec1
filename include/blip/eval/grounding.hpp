// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "blip/core/error.hpp"

namespace blip::inline BLIP_ABI {

// Left, top, width and height in pixels; what data readers call detection_box.
using picture_box = std::array<double, 4>;

namespace detail {

// The four places and weights that place `t` of `outputs` is made of.
struct cubic_taps {
  std::array<std::size_t, 4> places{};
  std::array<double, 4> weights{};

  cubic_taps(int t, int inputs, int outputs) {
    constexpr double a = -0.75;
    const double at = (t + 0.5) * inputs / outputs - 0.5, floor = std::floor(at), x = at - floor;
    const auto near = [](double d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
    const auto far = [](double d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
    weights = {far(x + 1), near(x), near(1 - x), far(2 - x)};
    for (int k = 0; k < 4; ++k)
      places[static_cast<std::size_t>(k)] =
          static_cast<std::size_t>(std::clamp(static_cast<int>(floor) - 1 + k, 0, inputs - 1));
  }
};

}  // namespace detail

// A map [rows, columns] over the pixels of its picture, [height, width]: cubic convolution, a = -0.75, without
// antialiasing, borders repeated. Throws shape_error. Source: torch's bicubic interpolate, align_corners false.
template <class S>
std::vector<S> enlarged_map(std::span<const S> map, int rows, int columns, int height, int width) {
  require_equal("enlarged_map", "values", static_cast<long long>(map.size()), static_cast<long long>(rows) * columns);
  if (rows < 1 || columns < 1 || height < 1 || width < 1)
    throw shape_error({"enlarged_map", "a map and a picture that are not empty", "an empty one", {}});
  std::vector<detail::cubic_taps> across;
  for (int x = 0; x < width; ++x) across.emplace_back(x, columns, width);
  std::vector<S> out;
  out.reserve(static_cast<std::size_t>(height) * static_cast<std::size_t>(width));
  for (int y = 0; y < height; ++y) {
    const detail::cubic_taps down(y, rows, height);
    for (const detail::cubic_taps& taps : across) {
      double sum = 0;
      for (std::size_t i = 0; i < 4; ++i)
        for (std::size_t j = 0; j < 4; ++j)
          sum += down.weights[i] * taps.weights[j] *
                 static_cast<double>(map[down.places[i] * static_cast<std::size_t>(columns) + taps.places[j]]);
      out.push_back(static_cast<S>(sum));
    }
  }
  return out;
}

// How much of a map [height, width] lies in a box: the sum over rows int(y) to int(y + h) - 1 and columns int(x) to
// int(x + w) - 1, those outside of the map left out, over sqrt(w h). Source: ALBEF `dataset/utils.py`, grounding.
template <class S>
double box_score(std::span<const S> map, int height, int width, const picture_box& box) {
  require_equal("box_score", "values", static_cast<long long>(map.size()), static_cast<long long>(height) * width);
  const auto [x, y, w, h] = box;
  if (!(w > 0 && h > 0)) throw shape_error({"box_score: box", "one that is not empty", "an empty one", {}});
  const auto within = [](double at, int end) { return static_cast<int>(std::clamp(std::trunc(at), 0.0, 1.0 * end)); };
  double sum = 0;
  for (int r = within(y, height); r < within(y + h, height); ++r)
    for (int c = within(x, width); c < within(x + w, width); ++c)
      sum += static_cast<double>(map[static_cast<std::size_t>(r) * static_cast<std::size_t>(width) +
                                     static_cast<std::size_t>(c)]);
  return sum / std::sqrt(w * h);
}

// The number of the box with the highest score above 0, the first of equal ones; none when there is no such box.
inline std::optional<std::size_t> best_box(std::span<const double> scores) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < scores.size(); ++i)
    if (scores[i] > 0 && (!best || scores[i] > scores[*best])) best = i;
  return best;
}

// Intersection over union as the published evaluation has it: the intersection counts pixels with their ends, the
// boxes' areas do not.
inline double box_overlap(const picture_box& a, const picture_box& b) {
  const auto shared = [&](std::size_t i) {
    return std::min(a[i] + a[i + 2] - 1, b[i] + b[i + 2] - 1) - std::max(a[i], b[i]);
  };
  const double x = shared(0), y = shared(1);
  const double both = x > 0 && y > 0 ? (x + 1) * (y + 1) : 0;
  return both / (a[2] * a[3] + b[2] * b[3] - both);
}

// A map of an expression, the boxes that a detector proposes, and the box that is meant.
template <class S>
struct grounding_case {
  std::span<const S> map;  // over the pixels, [height, width]
  int height = 0, width = 0;
  std::span<const picture_box> proposed;
  picture_box meant{};
};

// The share of cases whose best box overlaps the meant one by half. A case without a box above 0 is wrong; the
// published code takes the box that its case before found (`keeps_box`). Throws shape_error. Source: ALBEF section 5.5
// and `dataset/utils.py`, RefCOCO+.
template <class S>
double grounding_accuracy(std::span<const grounding_case<S>> cases, bool keeps_box = false) {
  if (cases.empty()) throw shape_error({"grounding_accuracy: cases", "at least one", "none", {}});
  picture_box found{};
  bool any = false;
  int right = 0;
  for (const grounding_case<S>& c : cases) {
    std::vector<double> scores;
    for (const picture_box& box : c.proposed) scores.push_back(box_score(c.map, c.height, c.width, box));
    const auto best = best_box(scores);
    if (best) found = c.proposed[*best];
    any = best || (any && keeps_box);
    right += any && box_overlap(c.meant, found) >= 0.5;
  }
  return static_cast<double>(right) / static_cast<double>(cases.size());
}

}  // namespace blip::inline BLIP_ABI
