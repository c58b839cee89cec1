// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "blip/train/report/bootstrap_findings.hpp"
#include "blip/train/report/markup.hpp"
#include "blip/train/report/number_text.hpp"

namespace blip::inline BLIP_ABI::report {

inline std::string_view truth_class(truth t) {
  return t == truth::right ? "right" : t == truth::wrong ? "wrong" : t == truth::vague ? "vague" : "unknown";
}

// "✗ false (colour)"
inline std::string truth_words(const judged_caption& c) {
  const std::string kind = c.kind.empty() ? "" : " (" + c.kind + ")";
  switch (c.is) {
    case truth::right:
      return "\u2713\u00a0true" + kind;
    case truth::vague:
      return "~\u00a0vague" + kind;
    case truth::wrong:
      return "\u2717\u00a0false" + kind;
    default:
      return {};
  }
}

// What the filter did, and whether that was a mistake.
inline std::string fate_words(const judged_caption& c) {
  std::string words = c.probability ? "match " + fixed(*c.probability, 2) : "";
  if (!c.kept) return words;
  if (!words.empty()) words += ", ";
  words += *c.kept ? "kept" : "thrown out";
  if (*c.kept && c.is == truth::wrong) words += ": the filter missed it";
  if (!*c.kept && c.is == truth::right) words += ": a true one lost";
  return words;
}

// A caption with its truth and its fate; struck through where it was thrown out.
inline void caption_element(markup& m, const judged_caption& c) {
  if (c.kept && !*c.kept)
    m.element("del", {}, [&] { m.quote(c.text); });
  else
    m.quote(c.text);
  if (const std::string words = truth_words(c); !words.empty()) {
    m.text(" ");
    m.element("span", {{"class", std::string("truth ") += truth_class(c.is)}}, words);
  }
  const bool mistake = c.kept && ((*c.kept && c.is == truth::wrong) || (!*c.kept && c.is == truth::right));
  if (const std::string words = fate_words(c); !words.empty())
    m.element("span", {{"class", mistake ? "fate missed" : "fate"}}, words);
}

}  // namespace blip::inline BLIP_ABI::report
