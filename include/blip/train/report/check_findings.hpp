// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>

#include "blip/core/error.hpp"
#include "blip/train/report/bootstrap_findings.hpp"

namespace blip::inline BLIP_ABI::report {

// Throws numeric_error for a share or probability that is not from 0 to 1 and for a number of words that is not one,
// config_error for counts that contradict each other (more kept than there were).
inline void check_findings(const bootstrap_findings& f) {
  const auto share = [](const std::optional<double>& v, const char* what) {
    if (v && !(*v >= 0 && *v <= 1))
      throw numeric_error({std::string("bootstrap_findings: ") + what, "0 to 1", std::to_string(*v), {}});
  };
  const auto part = [](std::int64_t n, std::int64_t whole, const char* what) {
    constexpr std::int64_t most = 1'000'000'000'000'000;
    if (whole > most || n < 0 || n > whole)
      throw config_error({std::string("bootstrap_findings: ") + what,
                          "0 to " + std::to_string(std::clamp<std::int64_t>(whole, 0, most)),
                          std::to_string(whole > most ? whole : n),
                          {}});
  };
  const auto caption = [&](const judged_caption& c) { share(c.probability, "probability of a caption"); };
  for (const sample& s : f.samples)
    for (const auto* c : {&s.human, &s.web, &s.synthetic})
      if (*c) caption(**c);
  for (const auto* t : {&f.counts.web, &f.counts.kept_web, &f.counts.synthetic, &f.counts.kept_synthetic,
                        &f.counts.whole_before, &f.counts.whole_after})
    if (*t) part((*t)->wrong.value_or(0), (*t)->captions, "false captions of a set");
  const auto kept = [&](const std::optional<tally>& t, const std::optional<tally>& all, const char* what) {
    if (t && all) part(t->captions, all->captions, what);
  };
  kept(f.counts.kept_web, f.counts.web, "kept captions of the web");
  kept(f.counts.kept_synthetic, f.counts.synthetic, "kept synthetic captions");
  for (const noise_row& r : f.noise) part(r.kept, r.captions, "kept captions of a kind");
  share(f.threshold, "threshold");
  for (const roc_curve& r : f.roc) {
    for (const point& p : r.points) share(p.x, "ROC"), share(p.y, "ROC");
    if (r.used) share(r.used->x, "ROC"), share(r.used->y, "ROC");
    share(r.area, "area under a ROC curve"), share(r.average_precision, "average precision");
  }
  if (f.probabilities)
    for (const auto* counts : {&f.probabilities->right, &f.probabilities->wrong})
      for (const std::int64_t n : *counts) part(n, std::max<std::int64_t>(n, 0), "captions of a probability");
  for (const retrieval_row& r : f.retrieval)
    for (const recalls* both : {&r.before, &r.after})
      for (std::size_t i = 0; i < 3; ++i)
        share(both->text_to_image[i], "recall"), share(both->image_to_text[i], "recall");
  for (const caption_truth& c : f.captions)
    share(c.before, "share of true captions"), share(c.after, "share of true captions");
  for (const auto* d : {&f.decoding.nucleus, &f.decoding.beam})
    if (*d) {
      share((*d)->truth, "share of true captions"), share((*d)->distinct2, "distinct-2");
      if (const auto words = (*d)->words; words && !(*words >= 0 && std::isfinite(*words)))
        throw numeric_error({"bootstrap_findings: words per caption", "from 0 on", std::to_string(*words), {}});
    }
  for (const decoding_example& e : f.decoding.examples) {
    for (const judged_caption& c : e.nucleus) caption(c);
    for (const judged_caption& c : e.beam) caption(c);
  }
}

}  // namespace blip::inline BLIP_ABI::report
