// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <string>

#include "blip/train/report/bar_chart.hpp"
#include "blip/train/report/chapter.hpp"
#include "blip/train/report/line_chart.hpp"

namespace blip::inline BLIP_ABI::report {

inline bool has_captions(const bootstrap_findings& f) { return !f.captions.empty(); }

// Do the captions of the model become truer?
inline void captions_chapter(markup& m, const bootstrap_findings& f) {
  chapter_head(m, "Does the model tell the truth more often?",
               "Captions for pictures that no training saw, by the model before the cleaning and by the one trained on "
               "the cleaned set.");
  bar_chart chart{{"True captions, share of all written", ""}, "before", "after"};
  for (const caption_truth& c : f.captions) {
    chart.pairs.push_back({c.name, c.before, c.after});
    chart.words.description += c.name + ": " + percent(c.before) + " before, " + percent(c.after) + " after. ";
  }
  m.element("div", {{"class", "charts"}}, [&] {
    chart_figure(m, chart, "Longer is better. A caption that nobody can read as claims counts as false.",
                 "Does not show how much a caption tells: a vague one is easily true.");
    m.element("figure", {}, [&] {
      table(m, {"Captions of", "pictures", "change", "by chance"}, [&] {
        for (const caption_truth& c : f.captions) {
          const double noise = std::hypot(margin(c.before, c.pictures), margin(c.after, c.pictures));
          table_row(m, c.name,
                    {c.pictures > 0 ? grouped(c.pictures) : "not told", points_text(c.after - c.before),
                     c.pictures > 0 ? "\u00b1" + fixed(100 * noise, 1) : "\u2013"});
        }
      });
      m.element("figcaption", {},
                "By chance: how far, in points, the choice of test pictures alone would move the difference (95 %, if "
                "each model "
                "had pictures of its own). Another seed of the training moves it too.");
    });
  });
}

inline bool has_retrieval(const bootstrap_findings& f) { return !f.retrieval.empty(); }

// Search in both directions.
inline void retrieval_chapter(markup& m, const bootstrap_findings& f) {
  chapter_head(m, "Finding the right picture, and the right words",
               "A text looks for its picture among all test pictures, a picture for its texts. Was the right one "
               "first, or among the first 5 or 10?");
  if (f.retrieval.size() > 1)
    m.element("p", {},
              "By the contrast alone, texts and pictures are compared without being read together. The matching head reads "
              "the best of each list, picture and text at once, and ranks those anew.");
  for (const retrieval_row& r : f.retrieval) {
    std::string heading = r.name;
    if (r.pictures > 0) heading += (heading.empty() ? "" : ": ") + grouped(r.pictures) + " pictures";
    if (r.texts > 0) heading += (heading.empty() ? "" : ", ") + grouped(r.texts) + " texts";
    if (!heading.empty()) m.element("h3", {}, heading);
    const auto chart = [&](const char* title, const std::array<double, 3>& before, const std::array<double, 3>& after) {
      bar_chart c{{title, ""}, "before", "after"};
      for (const auto& [i, name] :
           {std::pair{0, "right one first (R@1)"}, {1, "among the first 5 (R@5)"}, {2, "among the first 10 (R@10)"}}) {
        const auto at = static_cast<std::size_t>(i);
        c.pairs.push_back({name, before[at], after[at]});
        c.words.description +=
            std::string(name) + ": " + percent(before[at]) + " before, " + percent(after[at]) + " after. ";
      }
      return c;
    };
    m.element("div", {{"class", "charts"}}, [&] {
      chart_figure(m, chart("A picture for a text", r.before.text_to_image, r.after.text_to_image),
                   "Share of texts. Longer is better.");
      chart_figure(m, chart("A text for a picture", r.before.image_to_text, r.after.image_to_text),
                   "Share of pictures. Longer is better.",
                   &r != &f.retrieval.back()
                       ? ""
                       : "Does not show how alike the wrong answers were: with more pictures every number falls.");
    });
  }
}

inline bool has_stages(const bootstrap_findings& f) {
  return std::any_of(f.stages.begin(), f.stages.end(), [](const training_stage& s) {
    return std::any_of(s.losses.begin(), s.losses.end(), [](const series& l) { return !l.points.empty(); });
  });
}

// Loss curves, a chart for each stage.
inline void stages_chapter(markup& m, const bootstrap_findings& f) {
  chapter_head(m, "How the training went", "Losses on the training data, stage by stage. Lower is better.");
  m.element("div", {{"class", "charts"}}, [&] {
    for (const training_stage& s : f.stages) {
      line_chart chart{{s.name, ""}, "step", "loss", s.losses, s.references, {}, s.logarithmic};
      std::size_t most = 0;
      for (const series& l : s.losses) {
        most = std::max(most, l.points.size());
        const auto last =
            std::find_if(l.points.rbegin(), l.points.rend(), [](const point& p) { return std::isfinite(p.y); });
        const auto first =
            std::find_if(l.points.begin(), l.points.end(), [](const point& p) { return std::isfinite(p.y); });
        if (last != l.points.rend())
          chart.words.description += l.name + " from " + fixed(first->y, 2) + " to " + fixed(last->y, 2) + ". ";
      }
      if (most > 0)
        chart_figure(
            m, chart,
            most > 240 ? "Means of " + std::to_string((most + 239) / 240) + " neighbouring values." : "All values.");
    }
  });
  m.element("p", {{"class", "by"}},
            "Losses of different names or stages cannot be compared with each other: they ask different questions. A "
            "gap is a value that was not finite.");
}

}  // namespace blip::inline BLIP_ABI::report
