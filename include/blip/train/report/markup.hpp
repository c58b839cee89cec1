// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "blip/train/report/shown_text.hpp"

namespace blip::inline BLIP_ABI::report {

// A document of elements, written so that it is HTML and XML at once: whatever is opened is closed, every text and
// every attribute is escaped. A body is a text or a function that writes the content.
class markup {
 public:
  using attributes = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  template <class Body>
  void element(std::string_view tag, attributes a, const Body& body) {
    open(tag, a), out_ += '>';
    if constexpr (std::is_invocable_v<const Body&>)
      body();
    else
      text(body);
    out_ += "</", out_ += tag, out_ += '>';
    if (breaks_after(tag)) out_ += '\n';
  }
  void element(std::string_view tag, attributes a) { open(tag, a), out_ += "/>"; }  // one that has no content

  void text(std::string_view t, std::size_t bound = 2000) { append_shown(out_, t, bound); }
  // What a person or a model said: as long as it may be, and in whatever direction it runs, it stays in its place.
  void quote(std::string_view caption) { out_ += "<bdi>", append_shown(out_, caption, 300), out_ += "</bdi>"; }
  void verbatim(std::string_view markup_of_ours) { out_ += markup_of_ours; }

  std::string next_id() { return "id" + std::to_string(++ids_); }
  std::string take() { return std::move(out_); }

 private:
  void open(std::string_view tag, attributes a) {
    out_ += '<', out_ += tag;
    for (const auto& [name, value] : a) {
      out_ += ' ', out_ += name, out_ += "=\"";
      append_shown(out_, value, value.size());
      out_ += '"';
    }
  }
  static bool breaks_after(std::string_view tag) {
    for (const std::string_view block :
         {"p",   "h1",     "h2",    "h3",    "li",  "tr", "figure", "figcaption", "section", "article",
          "svg", "header", "title", "style", "div", "dd", "table",  "ul",         "dl",      "nav"})
      if (tag == block) return true;
    return false;
  }

  std::string out_;
  int ids_ = 0;
};

}  // namespace blip::inline BLIP_ABI::report
