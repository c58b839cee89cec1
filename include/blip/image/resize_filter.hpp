// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI {

// How an output pixel weighs the pixels around its place.
enum class resize_filter { nearest, box, bilinear, bicubic };

namespace detail {

// Half the width of a filter at scale 1.
constexpr double filter_reach(resize_filter f) {
  return f == resize_filter::bicubic ? 2 : f == resize_filter::bilinear ? 1 : 0.5;
}
// The filter at distance x; bicubic is Keys' with a = -0.5.
inline double filter_value(resize_filter f, double x) {
  constexpr double a = -0.5;
  if (f == resize_filter::box) return x > -0.5 && x <= 0.5 ? 1 : 0;
  x = std::abs(x);
  if (f == resize_filter::bilinear) return x < 1 ? 1 - x : 0;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

// For each output place the first input and the weights of it and the following ones, in units of 2^-22.
struct resize_weights {
  static constexpr int bits = 22;
  struct place {
    int first, count;
    std::size_t at;  // of the first weight
  };
  std::vector<place> places{};
  std::vector<int> weights{};

  // `from` and `to` bound what is read of the `size` inputs. A filter spreads when it shrinks the picture.
  resize_weights(resize_filter f, int size, float from, float to, int outputs) {
    const double scale = static_cast<double>(to - from) / outputs, spread = std::max(scale, 1.0);
    const double reach = filter_reach(f) * spread, inverse = 1 / spread;
    places.reserve(static_cast<std::size_t>(outputs));
    std::vector<double> w;
    for (int i = 0; i < outputs; ++i) {
      const double centre = from + (i + 0.5) * scale;
      const int first = std::max(static_cast<int>(centre - reach + 0.5), 0);
      const int count = std::min(static_cast<int>(centre + reach + 0.5), size) - first;
      w.clear();
      double sum = 0;
      for (int x = 0; x < count; ++x) {
        w.push_back(filter_value(f, (x + first - centre + 0.5) * inverse));
        sum += w.back();
      }
      places.push_back({first, count, weights.size()});
      for (const double value : w) {
        const double scaled = (sum != 0 ? value / sum : value) * (1 << bits);
        weights.push_back(static_cast<int>(scaled < 0 ? scaled - 0.5 : scaled + 0.5));
      }
    }
  }
};

}  // namespace detail

}  // namespace blip::inline BLIP_ABI
