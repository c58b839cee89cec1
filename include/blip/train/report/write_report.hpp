// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "blip/core/file.hpp"
#include "blip/train/report/bootstrap_findings.hpp"
#include "blip/train/report/case_chapters.hpp"
#include "blip/train/report/check_findings.hpp"
#include "blip/train/report/cleaning_chapters.hpp"
#include "blip/train/report/learning_chapters.hpp"
#include "blip/train/report/opening.hpp"
#include "blip/train/report/style_sheet.hpp"

namespace blip::inline BLIP_ABI {

namespace report {

inline bool has_facts(const bootstrap_findings& f) { return !f.facts.empty(); }
inline void facts_chapter(markup& m, const bootstrap_findings& f) {
  chapter_head(m, "The run", {});
  m.element("dl", {{"class", "facts"}}, [&] {
    for (const fact& one : f.facts) m.element("dt", {}, one.name), m.element("dd", {}, one.value);
  });
}

inline bool has_notes(const bootstrap_findings& f) { return !f.notes.empty(); }
inline void notes_chapter(markup& m, const bootstrap_findings& f) {
  chapter_head(m, "What to keep in mind", {});
  for (const std::string& note : f.notes) m.element("p", {}, note);
}

// In the order in which they are told.
inline constexpr std::array<chapter, 11> chapters{{{"cleaning", "The cleaning", has_counts, counts_chapter},
                                                   {"lies", "Which lies", has_noise, noise_chapter},
                                                   {"scores", "How sure", has_scores, scores_chapter},
                                                   {"cases", "Case by case", has_samples, samples_chapter},
                                                   {"captions", "Truer captions?", has_captions, captions_chapter},
                                                   {"retrieval", "Search", has_retrieval, retrieval_chapter},
                                                   {"decoding", "Nucleus or beam", has_decoding, decoding_chapter},
                                                   {"words", "Where words look", has_words, words_chapter},
                                                   {"training", "Training", has_stages, stages_chapter},
                                                   {"run", "The run", has_facts, facts_chapter},
                                                   {"notes", "Keep in mind", has_notes, notes_chapter}}};

}  // namespace report

// The findings of a bootstrap run as one HTML page that needs nothing else: no script, no font, no picture from
// elsewhere, and the page forbids its reader's browser to fetch any. What is absent is left out. Equal findings give
// equal bytes. Texts may be anything and are shown as text. Throws numeric_error, config_error
// (report/check_findings.hpp), shape_error for a picture whose sides and pixels disagree.
inline std::string report_page(const bootstrap_findings& f) {
  using namespace report;
  check_findings(f);
  markup m;
  m.verbatim("<!DOCTYPE html>\n");
  m.element("html", {{"lang", "en"}, {"xmlns", "http://www.w3.org/1999/xhtml"}}, [&] {
    m.element("head", {}, [&] {
      m.element("meta", {{"charset", "utf-8"}});
      m.element("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}});
      m.element("meta", {{"http-equiv", "Content-Security-Policy"},
                         {"content", "default-src 'none'; img-src data:; style-src 'unsafe-inline'"}});
      std::string title = f.title;
      if (const auto told = headline(f); told[0] != f.title)
        for (const std::string& sentence : told) title += (&sentence == told.data() ? ": " : " ") + sentence;
      m.element("title", {}, title);
      m.element("style", {}, [&] { m.verbatim(style_sheet); });
    });
    m.element("body", {}, [&] {
      std::vector<const chapter*> told;
      for (const chapter& c : chapters)
        if (c.present(f)) told.push_back(&c);
      m.element("header", {}, [&] {
        opening(m, f);
        if (told.size() > 2)
          m.element("nav", {{"aria-label", "Contents"}}, [&] {
            m.element("ul", {}, [&] {
              for (const chapter* c : told)
                m.element("li", {}, [&] { m.element("a", {{"href", "#" + std::string(c->id)}}, c->short_name); });
            });
          });
      });
      m.element("main", {}, [&] {
        for (const chapter* c : told) m.element("section", {{"id", c->id}}, [&] { c->write(m, f); });
        m.element("p", {{"class", "end"}}, "Written by blip. One file: no scripts, nothing is loaded from elsewhere.");
      });
    });
  });
  m.verbatim("\n");
  return m.take();
}

// Writes the page; it appears under its name complete or not at all. Throws what report_page throws, and io_error.
inline void write_report(const bootstrap_findings& f, const std::string& path) {
  write_file(path, report_page(f));
}

}  // namespace blip::inline BLIP_ABI
