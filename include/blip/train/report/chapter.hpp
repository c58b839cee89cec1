// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "blip/train/report/bootstrap_findings.hpp"
#include "blip/train/report/markup.hpp"

namespace blip::inline BLIP_ABI::report {

// A section of the report: whether there is something to tell, and how it is told.
struct chapter {
  const char* id;
  const char* short_name;
  bool (*present)(const bootstrap_findings&);
  void (*write)(markup&, const bootstrap_findings&);
};

// Heading and lead of a chapter.
inline void chapter_head(markup& m, std::string_view heading, std::string_view lead) {
  m.element("h2", {}, heading);
  if (!lead.empty()) m.element("p", {{"class", "lead"}}, lead);
}

// A drawing with what it shows, and what it does not.
template <class Chart>
void chart_figure(markup& m, const Chart& chart, std::string_view shows, std::string_view limits = {}) {
  m.element("figure", {}, [&] {
    draw(m, chart);
    m.element("figcaption", {}, [&] {
      m.element("b", {}, chart.words.title);
      m.text(". "), m.text(shows);
      if (!limits.empty()) m.element("span", {{"class", "limits"}}, limits);
    });
  });
}

// A table with the given columns, which scrolls where it is too wide.
template <class Body>
void table(markup& m, std::initializer_list<std::string_view> columns, const Body& rows) {
  m.element("div", {{"class", "scroll"}}, [&] {
    m.element("table", {}, [&] {
      m.element("thead", {}, [&] {
        m.element("tr", {}, [&] {
          for (const auto& c : columns) m.element("th", {{"scope", "col"}}, c);
        });
      });
      m.element("tbody", {}, rows);
    });
  });
}
// A row; the first cell heads it.
inline void table_row(markup& m, std::string_view name, std::initializer_list<std::string_view> cells) {
  m.element("tr", {}, [&] {
    m.element("th", {{"scope", "row"}}, name);
    for (const auto& c : cells) m.element("td", {}, c);
  });
}

}  // namespace blip::inline BLIP_ABI::report
