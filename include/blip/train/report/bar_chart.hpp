// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "blip/train/report/chart_frame.hpp"

namespace blip::inline BLIP_ABI::report {

// Two shares of one thing, one above the other.
struct bar_pair {
  std::string name;
  double before = 0, after = 0;
};

struct bar_chart {
  chart_words words;
  std::string before, after;  // what the two bars of a pair are
  std::vector<bar_pair> pairs{};
  bool to_one = true;  // the scale goes up to 100 %, else to a round number above the longest bar
};

// Pairs of bars that lie, each with its number at its end; the scale begins at 0.
inline void draw(markup& m, const bar_chart& c) {
  using namespace detail;
  if (c.pairs.empty()) return;
  double most = 0;
  for (const bar_pair& p : c.pairs) most = std::max({most, p.before, p.after});
  const axis x = linear_axis(0, c.to_one ? 1 : most, 5);
  const double left = 2, width = chart_width - left - 58, top = 28, each = 62;
  const double bottom = top + each * static_cast<double>(c.pairs.size());
  const auto to_x = [&](double v) { return left + width * x.place(v); };
  chart_frame(m, c.words, bottom + 20, [&] {
    box(m, "before", left, 4, 12, 12);
    label(m, left + 18, 14, "start", "name", c.before);
    const double second = left + 44 + letter_width * static_cast<double>(shown_length(c.before));
    box(m, "after", second, 4, 12, 12);
    label(m, second + 18, 14, "start", "name", c.after);
    for (const double t : x.ticks) {
      stroke(m, "grid", to_x(t), top, to_x(t), bottom);
      label(m, to_x(t), bottom + 15, t == 0 ? "start" : "middle", "tick", fixed(100 * t, 0) + "\u00a0%");
    }
    for (std::size_t i = 0; i < c.pairs.size(); ++i) {
      const bar_pair& p = c.pairs[i];
      const double y = top + each * static_cast<double>(i);
      label(m, left, y + 14, "start", "halo strong", p.name);
      box(m, "before", left, y + 20, to_x(p.before) - left, 15);
      label(m, to_x(p.before) + 6, y + 32, "start", "halo", percent(p.before));
      box(m, "after", left, y + 37, to_x(p.after) - left, 15);
      label(m, to_x(p.after) + 6, y + 49, "start", "halo strong", percent(p.after));
      stroke(m, "base", left, y + 18, left, y + 54);
    }
  });
}

}  // namespace blip::inline BLIP_ABI::report
