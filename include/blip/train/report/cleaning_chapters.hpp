// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "blip/train/report/bar_chart.hpp"
#include "blip/train/report/chapter.hpp"
#include "blip/train/report/line_chart.hpp"
#include "blip/train/report/mirror_histogram.hpp"
#include "blip/train/report/opening.hpp"

namespace blip::inline BLIP_ABI::report {

namespace detail {

inline std::vector<std::pair<const char*, const std::optional<tally>*>> tallies(const cleaning& c) {
  std::vector<std::pair<const char*, const std::optional<tally>*>> all;
  const auto add = [&](const char* name, const std::optional<tally>& t) {
    if (t) all.emplace_back(name, &t);
  };
  add("Web", c.web), add("Web, kept", c.kept_web), add("Written by the model", c.synthetic);
  add("Written by the model, kept", c.kept_synthetic), add("Everything, before", c.whole_before);
  add("Everything, after", c.whole_after);
  return all;
}

}  // namespace detail

inline bool has_counts(const bootstrap_findings& f) { return !detail::tallies(f.counts).empty(); }

// How much of each set is false, before and after.
inline void counts_chapter(markup& m, const bootstrap_findings& f) {
  const cleaning& c = f.counts;
  chapter_head(
      m, "What the cleaning did",
      "A caption counts as false if one of its claims does not hold in its picture, or if it says nothing about any "
      "picture. Vague sentences are true.");
  bar_chart chart{{"False captions, share of each set", ""}, "before the filter", "after", {}, false};
  const auto pair = [&](const char* name, const std::optional<tally>& before, const std::optional<tally>& after) {
    const auto b = detail::wrong_share(before), a = detail::wrong_share(after);
    if (!b || !a) return;
    chart.pairs.push_back({name, *b, *a});
    chart.words.description += std::string(name) + ": " + percent(*b) + " before, " + percent(*a) + " after. ";
  };
  pair("What the web said", c.web, c.kept_web);
  pair("What the model wrote", c.synthetic, c.kept_synthetic);
  pair("All that the model learns from", c.whole_before, c.whole_after);
  m.element("div", {{"class", "charts"}}, [&] {
    if (!chart.pairs.empty())
      chart_figure(m, chart, "Shorter is better.",
                   "Does not show how many true captions went with the false ones: see by kind of caption.");
    m.element("figure", {}, [&] {
      table(m, {"Captions", "number", "of which false"}, [&] {
        for (const auto& [name, t] : detail::tallies(c)) {
          const auto share = detail::wrong_share(*t);
          table_row(m, name, {grouped((*t)->captions), share ? percent(*share) : "not known"});
        }
      });
      m.element("figcaption", {}, "Sizes of the sets. The last two rows hold all captions that a model is trained on.");
    });
  });
}

inline bool has_noise(const bootstrap_findings& f) { return !f.noise.empty(); }

// What share of each kind of caption passed.
inline void noise_chapter(markup& m, const bootstrap_findings& f) {
  chapter_head(m, "Which lies it catches",
               "Captions of the web by what is wrong with them, and what share of each kind passed the filter.");
  table(m, {"Kind", "captions", "kept", "share kept"}, [&] {
    for (const truth t : {truth::right, truth::vague, truth::wrong, truth::unknown})
      for (const noise_row& r : f.noise) {
        if (r.is != t) continue;
        const double share = r.captions > 0 ? static_cast<double>(r.kept) / static_cast<double>(r.captions) : 0;
        m.element("tr", {}, [&] {
          m.element("th", {{"scope", "row"}}, [&] {
            m.text(r.kind), m.text(" ");
            if (t != truth::unknown)
              m.element("span", {{"class", std::string("truth ") += truth_class(t)}}, truth_words({{}, t}));
            if (!r.meaning.empty()) m.element("small", {}, r.meaning);
          });
          m.element("td", {}, grouped(r.captions)), m.element("td", {}, grouped(r.kept));
          m.element("td", {}, [&] {
            m.text(r.captions > 0 ? percent(share) : "none seen");
            const std::string fill = t == truth::unknown ? "before" : std::string(truth_class(t));
            m.element("span", {{"class", "bar"}, {"aria-hidden", "true"}}, [&] {
              m.element("i", {{"style", "width:" + fixed(100 * share, 1) + "%;--fill:var(--" + fill + ")"}}, "");
            });
          });
        });
      }
  });
  m.element(
      "p", {{"class", "by"}},
      "A perfect filter keeps all that is true and nothing that is false. Kinds with few captions move by chance.");
}

inline bool has_scores(const bootstrap_findings& f) { return f.probabilities || !f.roc.empty(); }

// How well the probability of the matching head separates true from false.
inline void scores_chapter(markup& m, const bootstrap_findings& f) {
  chapter_head(m, "How sure the filter was",
               "It gives every pair of picture and text a probability that they belong together.");
  m.element("div", {{"class", "charts"}}, [&] {
    if (f.probabilities) {
      const auto& p = *f.probabilities;
      std::int64_t right = 0, wrong = 0;
      for (const std::int64_t n : p.right) right += n;
      for (const std::int64_t n : p.wrong) wrong += n;
      chart_figure(m,
                   mirror_histogram{{"True and false captions by probability",
                                     grouped(right) + " true and " + grouped(wrong) +
                                         " false captions, counted in equal steps of probability."},
                                    "true captions",
                                    "false captions",
                                    "probability that picture and text match",
                                    p.right,
                                    p.wrong,
                                    f.threshold},
                   "Above the line true captions, below it false ones. False ones at the far right get through.",
                   "Does not show what kind of lie they are.");
    }
    if (!f.roc.empty()) {
      line_chart chart{{"True captions kept against false ones kept", ""},
                       "false captions kept, share",
                       "true captions kept, share",
                       {},
                       {},
                       {},
                       false,
                       true};
      std::string numbers;
      for (const roc_curve& r : f.roc) {
        std::string line = r.area ? "AUC " + fixed(*r.area, 3) : "";
        if (!r.name.empty()) line += (line.empty() ? "" : ", ") + r.name;
        chart.words.description +=
            line + (r.average_precision ? ", average precision " + fixed(*r.average_precision, 3) : "") + ". ";
        chart.lines.push_back({line, r.points});
        if (r.average_precision)
          numbers += " Average precision" + (r.name.empty() ? "" : ", " + r.name) + ": " +
                     fixed(*r.average_precision, 3) + ".";
        if (r.used) chart.marks.push_back({*r.used, f.threshold ? "threshold " + fixed(*f.threshold, 2) : "as used"});
      }
      chart_figure(m, chart,
                   "Each threshold is a point (ROC); up and left is better, the dashed diagonal is guessing." + numbers,
                   "Does not show how common lies are: precision depends on that.");
    }
  });
}

}  // namespace blip::inline BLIP_ABI::report
