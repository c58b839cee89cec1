// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "blip/train/report/caption_element.hpp"
#include "blip/train/report/chapter.hpp"
#include "blip/train/report/picture_element.hpp"

namespace blip::inline BLIP_ABI::report {

namespace detail {

// A picture with who said what of it.
template <class Body>
void card(markup& m, const image& picture, std::string_view described, const Body& lines) {
  m.element("article", {{"class", "card"}}, [&] {
    picture_element(m, picture, described);
    m.element("dl", {}, lines);
  });
}
inline void card_line(markup& m, std::string_view who, const judged_caption& c) {
  m.element("dt", {}, who);
  m.element("dd", {}, [&] { caption_element(m, c); });
}

}  // namespace detail

inline bool has_samples(const bootstrap_findings& f) { return !f.samples.empty(); }

// Samples with all that was said of them.
inline void samples_chapter(markup& m, const bootstrap_findings& f) {
  chapter_head(m, "Case by case",
               "What a person, the web and the model said of the same picture. Struck through: thrown out by the "
               "filter. Match: its "
               "probability that text and picture belong together.");
  m.element("div", {{"class", "cards"}}, [&] {
    for (const sample& s : f.samples)
      detail::card(m, s.picture, "the picture that these captions are about", [&] {
        if (s.human) detail::card_line(m, "A person", *s.human);
        if (s.web) detail::card_line(m, "The web", *s.web);
        if (s.synthetic) detail::card_line(m, "The model", *s.synthetic);
      });
  });
}

inline bool has_decoding(const bootstrap_findings& f) {
  return f.decoding.nucleus || f.decoding.beam || !f.decoding.examples.empty();
}

// Nucleus sampling and beam search side by side.
inline void decoding_chapter(markup& m, const bootstrap_findings& f) {
  chapter_head(m, "Two ways to write",
               "Nucleus sampling draws each word from the likeliest ones, so it says something else every time. Beam "
               "search looks "
               "for the likeliest sentence, so it plays safe and says the same every time.");
  const auto& d = f.decoding;
  if (d.nucleus || d.beam)
    table(m, {"", "nucleus", "beam"}, [&] {
      const auto row = [&](const char* name, std::optional<double> decoding_numbers::*what,
                           std::string (*show)(double)) {
        const auto cell = [&](const std::optional<decoding_numbers>& n) {
          return n && (*n).*what ? show(*((*n).*what)) : "\u2013";
        };
        if ((d.nucleus && (*d.nucleus).*what) || (d.beam && (*d.beam).*what))
          table_row(m, name, {cell(d.nucleus), cell(d.beam)});
      };
      row("True captions", &decoding_numbers::truth, [](double v) { return percent(v); });
      row("Different word pairs (distinct-2)", &decoding_numbers::distinct2, [](double v) { return fixed(v, 3); });
      row("Words per caption", &decoding_numbers::words, [](double v) { return fixed(v, 1); });
    });
  if (d.examples.empty()) return;
  m.element("div", {{"class", "cards"}}, [&] {
    for (const decoding_example& e : d.examples)
      detail::card(m, e.picture, "the picture that was described", [&] {
        for (const judged_caption& c : e.nucleus) detail::card_line(m, "Nucleus", c);
        for (const judged_caption& c : e.beam) detail::card_line(m, "Beam", c);
      });
  });
}

inline bool has_words(const bootstrap_findings& f) { return !f.words.empty(); }

// Pictures under maps of where each word looks.
inline void words_chapter(markup& m, const bootstrap_findings& f) {
  chapter_head(m, "Where each word looks",
               "The filter looks at pictures that no training saw, under what a person said of them. Grad-CAM: for every "
               "word, how much each patch of the picture spoke for a match. Red is much, blue is little.");
  constexpr int whole = 40;  // there are many, and a map over a photograph is smaller as JPEG
  for (const word_maps& w : f.words)
    m.element("article", {}, [&] {
      m.element("h3", {}, [&] { m.quote(w.caption); });
      m.element("ul", {{"class", "words"}}, [&] {
        const auto item = [&](const image& picture, const std::string& described, const auto& name) {
          m.element("li", {}, [&] {
            picture_element(m, picture, described, whole);
            name();
          });
        };
        if (w.picture.width > 0) item(w.picture, "the picture", [&] { m.element("i", {}, "the picture"); });
        for (const word_map& one : w.words)
          item(one.overlay, "where \u201c" + one.word + "\u201d looks", [&] { m.quote(one.word); });
      });
    });
  m.element("p", {{"class", "by"}},
            "Each map is scaled to its own range: compare places, not strengths. Words such as \u201ca\u201d have maps "
            "too, which mean little. "
            "A map shows what the answer depended on, not that the model knows what it sees there.");
}

}  // namespace blip::inline BLIP_ABI::report
