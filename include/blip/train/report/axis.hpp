// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "blip/train/report/number_text.hpp"

namespace blip::inline BLIP_ABI::report {

// A scale of a chart, with ticks at round numbers.
struct axis {
  double low = 0, high = 1;
  bool logarithmic = false;
  std::vector<double> ticks{};
  int decimals = 0;

  // Where a value lies, from 0 at the low end to 1.
  double place(double v) const {
    return logarithmic ? std::log(v / low) / std::log(high / low) : (v - low) / (high - low);
  }
  // Numbers beyond all reason would leave no digits for the others.
  static bool is_showable(double v, bool on_logarithmic) {
    return std::abs(v) <= most && (!on_logarithmic || v >= 1 / most);
  }
  bool can_show(double v) const { return is_showable(v, logarithmic); }

  std::string label(double tick) const {
    const double size = std::abs(tick);
    if (size == 0 && decimals > 3) return "0";  // beside 1e-07
    if (size >= 1e9 || (size > 0 && size < 1e-4)) {
      char digits[32];
      return {digits, std::to_chars(digits, digits + sizeof digits, tick, std::chars_format::general, 6).ptr};
    }
    if (logarithmic && tick >= 1) return grouped(std::llround(tick));
    if (logarithmic) return fixed(tick, static_cast<int>(std::ceil(-std::log10(tick) - 1e-9)));
    return decimals > 0 ? fixed(tick, std::min(decimals, 9)) : thousands(tick);
  }

  static constexpr double most = 1e100;

 private:
  // 20k in place of 20,000 where every tick is such a number.
  std::string thousands(double tick) const {
    const bool whole = std::all_of(ticks.begin(), ticks.end(), [](double t) { return std::fmod(t, 1000) == 0; });
    if (whole && high >= 10'000) return tick == 0 ? "0" : grouped(std::llround(tick / 1000)) + "k";
    return grouped(std::llround(tick));
  }
};

// Ticks at multiples of 1, 2 or 5 times a power of ten, about `wanted` of them: around the given range, or, with
// `tight`, inside it, and then the scale ends where the range does.
inline axis linear_axis(double low, double high, int wanted = 4, bool tight = false) {
  low = std::clamp(low, -axis::most, axis::most), high = std::clamp(high, -axis::most, axis::most);
  const double size = std::max(std::abs(low), std::abs(high));
  if (!(high - low > std::max(1e-9 * size, 1 / axis::most)))
    high = low + (size > 1 / axis::most ? size : 1);  // no width
  const double rough = (high - low) / wanted, power = std::pow(10, std::floor(std::log10(rough)));
  const double ratio = rough / power;
  const double step = power * (ratio <= 1.0001 ? 1 : ratio <= 2.0001 ? 2 : ratio <= 5.0001 ? 5 : 10);
  axis a{.decimals = std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9)))};
  const auto first = tight ? std::ceil(low / step - 1e-9) : std::floor(low / step + 1e-9);
  const auto last = tight ? std::floor(high / step + 1e-9) : std::ceil(high / step - 1e-9);
  for (double i = first; i <= last; ++i) a.ticks.push_back(i * step);
  a.low = tight ? low : a.ticks.front(), a.high = tight ? high : a.ticks.back();
  return a;
}

// Ticks at 1, 2 and 5 times powers of ten, or at every power, or every second, fifth ... where there would be too many.
// Both ends above 0.
inline axis log_axis(double low, double high) {
  axis a{.logarithmic = true};
  low = std::clamp(low, 1 / axis::most, axis::most), high = std::clamp(high, low, axis::most);
  const auto first_power = static_cast<int>(std::floor(std::log10(low)));
  const auto last_power = static_cast<int>(std::ceil(std::log10(high)));
  for (const int stride : {0, 1, 2, 5, 10, 50, 100}) {
    std::vector<double> all;
    for (int e = first_power; e < last_power + std::max(1, stride); e += std::max(1, stride))
      for (const int m : {1, 2, 5})
        if (m == 1 || stride == 0) all.push_back(m * std::pow(10, e));
    auto first = std::upper_bound(all.begin(), all.end(), low * (1 + 1e-9));
    if (first != all.begin()) --first;
    auto last = std::lower_bound(first, all.end(), high * (1 - 1e-9));
    if (last != all.end()) ++last;
    a.ticks.assign(first, last);
    if (a.ticks.size() <= 7) break;
  }
  if (a.ticks.size() < 2) a.ticks.push_back(10 * a.ticks.front());
  a.low = a.ticks.front(), a.high = a.ticks.back();
  return a;
}

}  // namespace blip::inline BLIP_ABI::report
