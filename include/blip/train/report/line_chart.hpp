// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "blip/train/report/bootstrap_findings.hpp"
#include "blip/train/report/chart_frame.hpp"

namespace blip::inline BLIP_ABI::report {

struct chart_mark {
  point at;
  std::string name;
};

struct line_chart {
  chart_words words;
  std::string across, upwards;  // what the axes count, and in which unit
  std::vector<series> lines{};
  std::vector<reference_value> guides{};  // horizontal, dashed
  std::vector<chart_mark> marks{};
  bool logarithmic = false, square = false;  // square: both axes from 0 to 1, with the diagonal, names in a legend
};

// The means of equally many neighbours where there are more than `most` points; a mean with a value that is not finite
// is not finite, and leaves a gap.
inline std::vector<point> thinned(const std::vector<point>& all, std::size_t most = 240) {
  if (all.size() <= most) return all;
  const std::size_t each = (all.size() + most - 1) / most;
  std::vector<point> out;
  for (std::size_t begin = 0; begin < all.size(); begin += each) {
    const std::size_t end = std::min(begin + each, all.size());
    point sum;
    for (std::size_t i = begin; i < end; ++i) sum.x += all[i].x, sum.y += all[i].y;
    const auto n = static_cast<double>(end - begin);
    out.push_back({sum.x / n, sum.y / n});
  }
  return out;
}

namespace detail {

inline constexpr std::size_t line_kinds = 6;     // colours and dashes in the style sheet
inline constexpr std::size_t name_letters = 16;  // of a line, at its end

// Places of labels that want to be at `wanted`, in its order: at least `apart` from each other, between low and high.
inline std::vector<double> spread_labels(const std::vector<double>& wanted, double apart, double low, double high) {
  std::vector<std::size_t> order(wanted.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return wanted[a] < wanted[b]; });
  std::vector<double> places = wanted;
  double least = low;
  for (const std::size_t i : order) places[i] = std::max(places[i], least), least = places[i] + apart;
  double most = high;
  for (auto i = order.rbegin(); i != order.rend(); ++i)
    places[*i] = std::min(places[*i], most), most = places[*i] - apart;
  return places;
}

inline std::string path_of(const std::vector<point>& points, const axis& x, const axis& y, auto to_x, auto to_y) {
  std::string path;
  bool drawn = false;
  for (const point& p : points) {
    if (!x.can_show(p.x) || !y.can_show(p.y)) {
      drawn = false;
      continue;
    }
    path += drawn ? 'L' : 'M';
    path += coordinate(to_x(p.x)) + " " + coordinate(to_y(p.y));
    drawn = true;
  }
  return path;
}

}  // namespace detail

// Lines over a common scale, each named at its end. Nothing is drawn when there is nothing to show.
inline void draw(markup& m, const line_chart& c) {
  using namespace detail;
  std::vector<std::vector<point>> lines;
  double low_x = INFINITY, high_x = -INFINITY, low_y = INFINITY, high_y = -INFINITY;
  const auto see = [&](double v, double& low, double& high) { low = std::min(low, v), high = std::max(high, v); };
  std::size_t longest = 0;
  for (const series& s : c.lines) {
    lines.push_back(c.square ? s.points : thinned(s.points));
    longest = std::max(longest, shown_length(s.name));
    for (const point& p : lines.back())
      if (axis::is_showable(p.x, false) && axis::is_showable(p.y, c.logarithmic))
        see(p.x, low_x, high_x), see(p.y, low_y, high_y);
  }
  if (c.square) low_x = low_y = 0, high_x = high_y = 1;
  if (!(low_x <= high_x)) return;
  if (low_x > 0 && low_x < 0.05 * high_x) low_x = 0;  // steps begin at 0
  for (const reference_value& g : c.guides)
    if (axis::is_showable(g.value, c.logarithmic)) see(g.value, low_y, high_y);

  const double legend = c.square ? 16.0 * static_cast<double>(lines.size()) : 0;
  const double left = 46, top = 26,
               right = c.square ? 24 : 14 + letter_width * static_cast<double>(std::min(name_letters, longest));
  const double width = chart_width - left - right, height = c.square ? width : 170, bottom = top + height;
  const axis x = linear_axis(low_x, high_x, c.square ? 5 : 4, !c.square);
  const axis y = c.logarithmic ? log_axis(low_y, high_y) : linear_axis(low_y, high_y, c.square ? 5 : 4);
  const auto to_x = [&](double v) { return left + width * x.place(v); };
  const auto to_y = [&](double v) { return bottom - height * y.place(v); };
  chart_frame(m, c.words, bottom + 40 + legend, [&] {
    label(m, 0, 12, "start", "name", c.upwards + (c.logarithmic ? ", logarithmic" : ""));
    for (const double t : y.ticks) {
      stroke(m, "grid", left, to_y(t), left + width, to_y(t));
      label(m, left - 6, to_y(t) + 4, "end", "tick", y.label(t));
    }
    for (const double t : x.ticks) {
      stroke(m, "grid", to_x(t), bottom, to_x(t), bottom + 4);
      label(m, to_x(t), bottom + 17, "middle", "tick", x.label(t));
    }
    label(m, left + width / 2, bottom + 34, "middle", "name", c.across);
    if (c.square) stroke(m, "guide", to_x(0), to_y(0), to_x(1), to_y(1));
    for (const reference_value& g : c.guides)
      if (y.can_show(g.value)) {
        stroke(m, "guide", left, to_y(g.value), left + width, to_y(g.value));
        label(m, left + width - 2, to_y(g.value) - 4, "end", "halo note", g.name, 34);
      }
    std::vector<double> wanted;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const std::string kind = "line s" + std::to_string(i % line_kinds);
      m.element("path", {{"class", kind}, {"d", path_of(lines[i], x, y, to_x, to_y)}});
      double end = bottom;
      for (const point& p : lines[i])
        if (x.can_show(p.x) && y.can_show(p.y)) end = to_y(p.y);
      wanted.push_back(end + 4);
    }
    const auto places = spread_labels(wanted, 14, top + 8, bottom + 2);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const std::string kind = std::to_string(i % line_kinds);
      const double under = bottom + 48 + 16 * static_cast<double>(i);
      if (c.square)
        m.element("path",
                  {{"class", "line s" + kind}, {"d", "M" + coordinate(left) + " " + coordinate(under) + "h26"}});
      label(m, c.square ? left + 34 : left + width + 6, c.square ? under + 4 : places[i], "start", "t" + kind,
            c.lines[i].name, c.square ? 40 : name_letters);
    }
    for (const chart_mark& k : c.marks) {
      m.element("circle",
                {{"class", "mark"}, {"cx", coordinate(to_x(k.at.x))}, {"cy", coordinate(to_y(k.at.y))}, {"r", "5"}});
      const bool flip = x.place(k.at.x) > 0.6;
      label(m, to_x(k.at.x) + (flip ? -10 : 10), to_y(k.at.y) + 16, flip ? "end" : "start", "halo", k.name);
    }
  });
}

}  // namespace blip::inline BLIP_ABI::report
