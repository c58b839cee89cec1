// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "blip/train/report/bootstrap_findings.hpp"
#include "blip/train/report/caption_element.hpp"
#include "blip/train/report/number_text.hpp"
#include "blip/train/report/picture_element.hpp"

namespace blip::inline BLIP_ABI::report {

namespace detail {

inline std::optional<double> wrong_share(const std::optional<tally>& t) {
  if (!t || !t->wrong || t->captions == 0) return {};
  return static_cast<double>(*t->wrong) / static_cast<double>(t->captions);
}
inline std::optional<double> size_ratio(const std::optional<tally>& part, const std::optional<tally>& whole) {
  if (!part || !whole || whole->captions == 0) return {};
  return static_cast<double>(part->captions) / static_cast<double>(whole->captions);
}

struct key_number {
  std::string was, now, says;
};

}  // namespace detail

// What happened, in a sentence or two.
inline std::vector<std::string> headline(const bootstrap_findings& f) {
  const auto& c = f.counts;
  if (const auto web = detail::wrong_share(c.web)) {
    std::vector<std::string> told{"The web lied in " + percent(*web) + " of its captions."};
    if (const auto kept = detail::wrong_share(c.kept_web)) told.push_back("After the filter, " + percent(*kept) + ".");
    return told;
  }
  const auto before = detail::wrong_share(c.whole_before), after = detail::wrong_share(c.whole_after);
  if (before && after)
    return {percent(*before) + " of all captions were false.", "After the cleaning, " + percent(*after) + "."};
  if (const auto share = detail::size_ratio(c.kept_web, c.web))
    return {"The filter kept " + percent(*share) + " of what the web said."};
  return {f.title};
}

// The three numbers that matter most, of those that are known.
inline std::vector<detail::key_number> key_numbers(const bootstrap_findings& f) {
  std::vector<detail::key_number> all;
  const auto& c = f.counts;
  if (const auto before = detail::wrong_share(c.whole_before), after = detail::wrong_share(c.whole_after);
      before && after)
    all.push_back({percent(*before), percent(*after),
                   "false captions in all that the model learns from, before and after the cleaning"});
  if (!f.captions.empty())
    all.push_back({percent(f.captions[0].before), percent(f.captions[0].after),
                   "true captions for " + f.captions[0].name + ", by the model before and by the one after"});
  if (!f.retrieval.empty()) {
    const retrieval_row& r = f.retrieval[0];
    all.push_back({percent(r.before.text_to_image[0]), percent(r.after.text_to_image[0]),
                   "of texts find their own picture first" +
                       (r.pictures > 0 ? " among " + grouped(r.pictures) + " pictures" : std::string())});
  }
  if (const auto share = detail::size_ratio(c.kept_web, c.web))
    all.push_back({{}, percent(*share), "of the captions of the web were kept"});
  if (!f.roc.empty() && f.roc[0].area)
    all.push_back({{}, fixed(*f.roc[0].area, 3), "area under the filter's ROC curve: 0.5 is guessing, 1 is perfect"});
  all.resize(std::min<std::size_t>(3, all.size()));
  return all;
}

// Pictures with a lie that the filter threw out, those first that got a true caption in its place.
inline std::vector<const sample*> caught_lies(const bootstrap_findings& f, std::size_t most = 6) {
  const auto mended = [](const sample& s) {
    return s.synthetic && s.synthetic->is == truth::right && s.synthetic->kept.value_or(true);
  };
  std::vector<const sample*> caught;
  for (const sample& s : f.samples)
    if (s.web && s.web->is == truth::wrong && !s.web->kept.value_or(true) && s.picture.width > 0) caught.push_back(&s);
  std::stable_partition(caught.begin(), caught.end(), [&](const sample* s) { return mended(*s); });
  caught.resize(std::min(most, caught.size()));
  return caught;
}

// The first screen: headline, what was done, three numbers, a strip of pictures with their lies struck through.
inline void opening(markup& m, const bootstrap_findings& f) {
  const auto sentences = headline(f);
  if (sentences[0] != f.title) m.element("p", {{"class", "kicker"}}, f.title);
  m.element("h1", {}, [&] {
    for (std::size_t i = 0; i < sentences.size(); ++i) {
      if (i > 0) m.text(" ");
      m.element("span", {{"class", i > 0 ? "then" : "first"}}, sentences[i]);
    }
  });
  m.element(
      "p", {{"class", "lead"}},
      "One bootstrap run: a model of pictures and words learns from noisy captions. A filter made from it throws out "
      "captions that do not fit their picture, a captioner made from it writes new ones, and a fresh model learns "
      "from what is left.");
  if (const auto numbers = key_numbers(f); !numbers.empty())
    m.element("ul", {{"class", "three"}}, [&] {
      for (const auto& n : numbers)
        m.element("li", {}, [&] {
          m.element("span", {{"class", "big"}}, [&] {
            if (!n.was.empty()) {
              m.element("span", {{"class", "was"}}, n.was);
              m.text(" \u2192 ");
            }
            m.text(n.now);
          });
          m.element("span", {{"class", "says"}}, n.says);
        });
    });
  const auto lies = caught_lies(f);
  if (lies.empty()) return;
  m.element("div", {{"class", "strip"}}, [&] {
    for (const sample* s : lies)
      m.element("figure", {}, [&] {
        picture_element(m, s->picture, "picture of the caption below");
        m.element("figcaption", {}, [&] {
          m.element("span", {{"class", "hidden"}}, "The web said, falsely: ");
          m.element("del", {}, [&] { m.quote(s->web->text); });
          const bool mended = s->synthetic && s->synthetic->is == truth::right && s->synthetic->kept.value_or(true);
          if (!mended && !s->human) return;
          m.element("ins", {}, [&] {
            m.element("span", {{"class", "by"}}, mended ? "the model wrote" : "a person wrote");
            m.quote(mended ? s->synthetic->text : s->human->text);
          });
        });
      });
  });
  m.element("p", {{"class", "by"}},
            "Struck through: what the web said. Picked because the filter caught them; the cases further down are as "
            "they came.");
}

}  // namespace blip::inline BLIP_ABI::report
