// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "blip/train/report/chart_frame.hpp"

namespace blip::inline BLIP_ABI::report {

struct mirror_histogram {
  chart_words words;
  std::string upper, lower, across;
  std::vector<std::int64_t> up, down;  // counts in equal bins from 0 to 1
  std::optional<double> threshold{};
};

// Two histograms over one scale from 0 to 1, one upwards and one downwards, so that neither hides the other.
inline void draw(markup& m, const mirror_histogram& c) {
  using namespace detail;
  std::int64_t most_up = 0, most_down = 0;
  for (const std::int64_t n : c.up) most_up = std::max(most_up, n);
  for (const std::int64_t n : c.down) most_down = std::max(most_down, n);
  if (most_up == 0 && most_down == 0) return;
  const axis y = linear_axis(-static_cast<double>(most_down), static_cast<double>(most_up), 5);
  const double left = 46, width = chart_width - left - 14, top = 28, height = 200, bottom = top + height;
  const auto to_x = [&](double v) { return left + width * v; };
  const auto to_y = [&](double v) { return bottom - height * y.place(v); };
  chart_frame(m, c.words, bottom + 40, [&] {
    label(m, 0, 12, "start", "name", "captions");
    axis sizes = y;  // counts have no sign
    for (const double t : y.ticks) {
      stroke(m, "grid", left, to_y(t), left + width, to_y(t));
      label(m, left - 6, to_y(t) + 4, "end", "tick", sizes.label(t < 0 ? -t : t));
    }
    const auto bars = [&](const std::vector<std::int64_t>& counts, bool upwards) {
      const double bin = width / static_cast<double>(counts.size());
      for (std::size_t i = 0; i < counts.size(); ++i) {
        const double end = to_y(upwards ? static_cast<double>(counts[i]) : -static_cast<double>(counts[i]));
        if (counts[i] > 0)
          box(m, upwards ? "right" : "wrong", left + bin * static_cast<double>(i) + 0.5, std::min(end, to_y(0)),
              bin - 1, std::max(0.7, upwards ? to_y(0) - end : end - to_y(0)));
      }
    };
    if (!c.up.empty()) bars(c.up, true);
    if (!c.down.empty()) bars(c.down, false);
    stroke(m, "base", left, to_y(0), left + width, to_y(0));
    label(m, left + width / 2, top + 12, "middle", "halo strong right-text", c.upper);
    label(m, left + width / 2, bottom - 6, "middle", "halo strong wrong-text", c.lower);
    for (const int t : {0, 25, 50, 75, 100})
      label(m, to_x(t / 100.0), bottom + 17, "middle", "tick", fixed(t / 100.0, t % 50 ? 2 : 1));
    label(m, left + width / 2, bottom + 34, "middle", "name", c.across);
    if (c.threshold) {
      stroke(m, "guide", to_x(*c.threshold), top + 18, to_x(*c.threshold), bottom - 20);
      label(m, to_x(*c.threshold) + 5, top + 34, "start", "halo note", "kept from here on");
    }
  });
}

}  // namespace blip::inline BLIP_ABI::report
