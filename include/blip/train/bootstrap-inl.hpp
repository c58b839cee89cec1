// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <map>

#include "blip/eval/caption_words.hpp"
#include "blip/eval/distinct_ngrams.hpp"
#include "blip/train/bootstrap.hpp"
#include "blip/train/measure_retrieval.hpp"
#include "blip/train/word_maps_of.hpp"

namespace blip::inline BLIP_ABI {

// Sizes of the sets, and how much of them is false.
template <class Pretraining, class Filter, class Captioner>
void bootstrap<Pretraining, Filter, Captioner>::count(const filtered_pairs& kept, const capfilt_report& mended) {
  using report::tally;
  const bool known = data_.truth && data_.of_web;
  const auto count = static_cast<std::int64_t>(data_.web.size());
  tally web{count, {}}, kept_web{0, {}}, synthetic{static_cast<std::int64_t>(mended.synthetic.kept), {}};
  if (known) {
    web.wrong = kept_web.wrong = synthetic.wrong = 0;
    std::map<std::string, report::noise_row> kinds;
    const auto row = [&](const web_label& label) -> report::noise_row& {
      report::noise_row& r = kinds[label.kind];
      r.kind = label.kind, r.is = label.is;
      return r;
    };
    for (std::uint64_t i = 0; i < data_.web.size(); ++i) {
      std::string name;
      try {
        name = data_.web.id(i);
      } catch (const error&) {
        continue;  // broken: CapFilt has left it out and said so
      }
      const web_label label = data_.of_web(name);
      *web.wrong += label.is == report::truth::wrong;
      ++row(label).captions;
    }
    for (std::uint64_t i = 0; i < kept.size(); ++i) {
      const filtered_record r = kept.record(i);
      if (r.source == text_source::web) {
        const web_label label = data_.of_web(r.image);
        *kept_web.wrong += label.is == report::truth::wrong, ++kept_web.captions;
        ++row(label).kept;
      } else {
        *synthetic.wrong += data_.truth(r.image, r.caption) == report::truth::wrong;
      }
    }
    for (auto& [name, r] : kinds) found_.noise.push_back(r);
  } else {
    kept_web.captions = static_cast<std::int64_t>(mended.web.kept);
  }
  found_.counts.web = web, found_.counts.kept_web = kept_web, found_.counts.kept_synthetic = synthetic;
  tally after{kept_web.captions + synthetic.captions, {}};
  if (known) after.wrong = *kept_web.wrong + *synthetic.wrong;
  found_.counts.whole_before = web, found_.counts.whole_after = after;
}

// Pictures of the web with the three who speak about them.
template <class Pretraining, class Filter, class Captioner>
template <class Match, class Describe>
void bootstrap<Pretraining, Filter, Captioner>::show_samples(const Match& match, const Describe& describe) {
  const measured_pairs p = first_pictures(data_.web, 18);
  std::vector<std::string> said;
  for (const auto& one : describe(device_, p.pictures)) said.push_back(one.at(0).text);
  const std::vector<double> web = match.probabilities(device_, p.pictures, p.texts),
                            own = match.probabilities(device_, p.pictures, said);
  for (std::size_t i = 0; i < p.pictures.size(); ++i) {
    report::sample s{p.pictures[i]};
    const web_label label = data_.of_web ? data_.of_web(p.names[i]) : web_label{};
    s.web = {p.texts[i], label.is, web[i], web[i] >= static_cast<double>(o_.threshold), label.kind};
    s.synthetic = {said[i],
                   data_.truth ? data_.truth(p.names[i], said[i]) : report::truth::unknown,
                   own[i],
                   own[i] >= static_cast<double>(o_.threshold),
                   {}};
    found_.samples.push_back(std::move(s));
  }
}

template <class Pretraining, class Filter, class Captioner>
void bootstrap<Pretraining, Filter, Captioner>::show_stages() {
  const std::pair<const char*, const char*> stages[] = {{"pretrain", "1. Pre-training on human and web captions"},
                                                        {"filter", "2. Filter, on human captions"},
                                                        {"captioner", "3. Captioner, on human captions"},
                                                        {"pretrain-again", "4. Pre-training on the mended set"}};
  for (const auto& [folder, title] : stages) {
    report::training_stage s{title};
    for (report::series& curve : training_curves(folder_ + "/" + folder + "/log.jsonl", {"itc", "itm", "lm"}))
      if (!curve.points.empty()) s.losses.push_back(std::move(curve));
    s.references = {{"itm, guessing", 0.6365}};
    s.logarithmic = true;
    found_.stages.push_back(std::move(s));
  }
}

template <class Pretraining, class Filter, class Captioner>
const bootstrap_findings& bootstrap<Pretraining, Filter, Captioner>::findings(const capfilt_report& mended) {
  found_.notes = data_.notes;
  found_.threshold = static_cast<double>(o_.threshold);
  show_stages();
  const measured_pairs test = first_pictures(data_.test, static_cast<std::size_t>(o_.measured));
  const auto judge = load<filter>("filter");
  const auto speaker = load<writer>("captioner");
  const auto before = load<pretraining>("pretrain"), after = load<pretraining>("pretrain-again");
  const matcher<filter> match(**judge, judge->values(), tokens_, match_options());
  const captioner<writer> greedily(**speaker, speaker->values(), tokens_, caption_options(sampler::greedy)),
      nucleus(**speaker, speaker->values(), tokens_, caption_options(sampler::sample)),
      beams(**speaker, speaker->values(), tokens_, caption_options(sampler::beam));
  show_samples(match, nucleus);
  const grounder<filter> ground(**judge, judge->values(), tokens_, {.view = o_.view, .longest = o_.longest});
  found_.words = word_maps_of(device_, ground, test);
  if (data_.of_web) {
    const measured_pairs noisy = first_pictures(data_.web_test, static_cast<std::size_t>(2 * o_.measured));
    const filter_measures f = measure_filter(device_, match, noisy, data_, static_cast<double>(o_.threshold));
    const std::string undefined = "undefined: it needs true and false captions";
    if (f.roc)
      found_.roc = {*f.roc};
    else
      found_.facts.push_back({"area under the ROC curve", undefined});
    found_.probabilities = f.probabilities;
    found_.facts.push_back({"area under the ROC curve, vague captions counted as true",
                            f.area_with_vague ? std::to_string(*f.area_with_vague) : undefined});
  }

  const auto finds = [&](const auto& m) {
    return measure_retrieval(device_, *m, m.values(), tokens_,
                             {.view = o_.view, .longest = o_.longest, .shortlist = o_.shortlist}, test);
  };
  const auto gallery = static_cast<std::int64_t>(test.pictures.size());
  const retrieval_measures early = finds(*before), late = finds(*after);
  found_.retrieval = {{"Contrast alone", early.contrast, late.contrast, gallery, gallery}};
  if (early.reranked)
    found_.retrieval.push_back({"Matching head on the first " + std::to_string(o_.shortlist), *early.reranked,
                                *late.reranked, gallery, gallery});
  if (data_.complete) {
    const auto truth = [&](const auto& m) {
      return measure_captions(
          device_, captioner<pretraining>(*m, m.values(), tokens_, caption_options(sampler::greedy)), test, data_);
    };
    const caption_measures first = truth(*before), second = truth(*after),
                           tuned = measure_captions(device_, greedily, test, data_);
    found_.captions = {{"all pictures", first.all, second.all, first.pictures},
                       {"pictures of two objects", first.more, second.more, first.of_more}};
    found_.facts.push_back({"captioner after its fine-tuning: true and complete", std::to_string(tuned.all)});
    found_.facts.push_back({"captioner after its fine-tuning, two objects", std::to_string(tuned.more)});
    const auto numbers = [&](const captioner<writer>& c) {
      const caption_measures m = measure_captions(device_, c, test, data_);
      std::vector<word_list> words;
      double total = 0;
      for (const std::string& text : m.texts)
        words.push_back(caption_words(text)), total += static_cast<double>(words.back().size());
      return report::decoding_numbers{m.merely_true, distinct_ngrams(words, 2),
                                      total / static_cast<double>(std::max<std::size_t>(words.size(), 1))};
    };
    found_.decoding.nucleus = numbers(nucleus), found_.decoding.beam = numbers(beams);
  }
  for (std::size_t i = 0; i < std::min<std::size_t>(6, test.pictures.size()); ++i) {
    const std::vector<image> one{test.pictures[i]};
    const std::uint64_t streams[] = {i, 1000 + i, 2000 + i};
    report::decoding_example e{one[0]};
    const auto judged = [&](const std::string& text) {
      return report::judged_caption{text, data_.truth ? data_.truth(test.names[i], text) : report::truth::unknown};
    };
    for (const std::uint64_t& s : streams) e.nucleus.push_back(judged(nucleus(device_, one, {&s, 1})[0].at(0).text));
    e.beam.push_back(judged(beams(device_, one)[0].at(0).text));
    found_.decoding.examples.push_back(std::move(e));
  }
  found_.facts.push_back({"steps", std::to_string(o_.pretrain) + " + " + std::to_string(o_.filter) + " + " +
                                       std::to_string(o_.captioner) + " + " + std::to_string(o_.pretrain)});
  if (mended.all_skipped() > 0)
    found_.facts.push_back({"broken samples of the web, left out", std::to_string(mended.all_skipped())});
  found_.facts.push_back({"pairs in a step", std::to_string(o_.batch)});
  found_.facts.push_back({"seed", std::to_string(o_.seed)});
  return found_;
}

}  // namespace blip::inline BLIP_ABI
