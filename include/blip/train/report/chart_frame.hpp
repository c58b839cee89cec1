// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "blip/train/report/axis.hpp"
#include "blip/train/report/markup.hpp"

namespace blip::inline BLIP_ABI::report {

// What every chart says for people who do not see it.
struct chart_words {
  std::string title, description;
};

namespace detail {

// Charts are 360 units wide, so that their text is readable on a phone, where they fill the width.
inline constexpr double chart_width = 360;
inline constexpr double letter_width = 6.3;  // of 12 units; system fonts differ, so this is on the wide side

inline std::string coordinate(double v) {
  std::string text(std::abs(v) < 0.005 ? "0" : "");
  if (!text.empty()) return text;
  char digits[64];
  const auto r = std::to_chars(digits, digits + sizeof digits, std::round(v * 10) / 10);
  return {digits, r.ptr};
}

// Text in a chart, cut after `bound` code points: there is no wrapping, and the description has it whole.
inline void label(markup& m, double x, double y, std::string_view anchor, std::string_view kind, std::string_view text,
                  std::size_t bound = 50) {
  m.element("text", {{"class", kind}, {"x", coordinate(x)}, {"y", coordinate(y)}, {"text-anchor", anchor}},
            [&] { m.text(text, bound); });
}
inline void stroke(markup& m, std::string_view kind, double x1, double y1, double x2, double y2) {
  m.element("line", {{"class", kind},
                     {"x1", coordinate(x1)},
                     {"y1", coordinate(y1)},
                     {"x2", coordinate(x2)},
                     {"y2", coordinate(y2)}});
}
inline void box(markup& m, std::string_view kind, double x, double y, double width, double height) {
  m.element("rect", {{"class", kind},
                     {"x", coordinate(x)},
                     {"y", coordinate(y)},
                     {"width", coordinate(width)},
                     {"height", coordinate(height)}});
}

}  // namespace detail

// An SVG picture of 360 by `height` units with a title and a description that screen readers read.
template <class Body>
void chart_frame(markup& m, const chart_words& words, double height, const Body& body) {
  const std::string title = m.next_id(), description = m.next_id();
  m.element("svg",
            {{"viewBox", "0 0 360 " + detail::coordinate(height)},
             {"role", "img"},
             {"aria-labelledby", title + " " + description},
             {"xmlns", "http://www.w3.org/2000/svg"}},
            [&] {
              m.element("title", {{"id", title}}, words.title);
              m.element("desc", {{"id", description}}, words.description);
              body();
            });
}

}  // namespace blip::inline BLIP_ABI::report
