// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "blip/data/skipped_samples.hpp"
#include "blip/eval/average_precision.hpp"
#include "blip/eval/roc_auc.hpp"
#include "blip/tasks/captioner.hpp"
#include "blip/tasks/matcher.hpp"
#include "blip/text/cleaning.hpp"
#include "blip/train/bootstrap_data.hpp"

namespace blip::inline BLIP_ABI {

// The first pictures of a set, each once, with its first caption. Broken samples are left out; too many of them throw
// format_error (see skipped_samples).
struct measured_pairs {
  std::vector<image> pictures{};
  std::vector<std::string> names{}, texts{};
};
inline measured_pairs first_pictures(const any_pairs& from, std::size_t count) {
  measured_pairs out;
  std::unordered_set<std::string> seen;
  skipped_samples skipped;
  for (std::uint64_t i = 0; i < from.size() && out.pictures.size() < count; ++i) {
    captioned_picture p;
    try {
      p = from.sample(i);
      skipped.use();
    } catch (const error& e) {
      skipped.skip(e);
      continue;
    }
    if (!seen.insert(p.id).second) continue;  // another caption of a picture that is there
    out.pictures.push_back(std::move(p.picture));
    out.names.push_back(std::move(p.id));
    out.texts.push_back(clean_caption(cleaning::blip, p.caption));
  }
  return out;
}

// What a filter makes of web pairs whose truth is known. A measure that needs both true and false captions is none where
// there are only such or such.
struct filter_measures {
  std::optional<report::roc_curve> roc{};  // with area and average precision; vague captions left out
  std::optional<double> area_with_vague{};  // vague captions counted as true
  report::probability_counts probabilities{};
};
template <class Model>
filter_measures measure_filter(device<typename Model::backend_type>& d, const matcher<Model>& m,
                               const measured_pairs& p, const bootstrap_data& data, double threshold) {
  filter_measures out;
  const std::vector<double> scores = m.probabilities(d, p.pictures, p.texts);
  std::vector<int> labels, every;
  std::vector<double> judged;
  out.probabilities.right.assign(20, 0), out.probabilities.wrong.assign(20, 0);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const report::truth is = data.of_web(p.names[i]).is;
    every.push_back(is != report::truth::wrong);
    if (is != report::truth::vague) labels.push_back(every.back()), judged.push_back(scores[i]);
    auto& bins = is == report::truth::wrong ? out.probabilities.wrong : out.probabilities.right;
    ++bins[std::min<std::size_t>(19, static_cast<std::size_t>(scores[i] * 20))];
  }
  const auto of_both = [](const std::vector<int>& all) {
    return std::count(all.begin(), all.end(), 0) > 0 && std::count(all.begin(), all.end(), 1) > 0;
  };
  if (of_both(every)) out.area_with_vague = roc_auc(every, scores);
  if (!of_both(labels)) return out;
  report::roc_curve& roc = out.roc.emplace(report::roc_curve{
      "vague captions left out", {}, roc_auc(labels, judged), average_precision(labels, judged), {}});
  std::vector<std::size_t> order(judged.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return judged[a] > judged[b]; });
  const auto right = static_cast<double>(std::count(labels.begin(), labels.end(), 1)),
             wrong = static_cast<double>(labels.size()) - right;
  report::point at{};
  roc.points.push_back(at);
  for (std::size_t i = 0; i < order.size(); ++i) {
    (labels[order[i]] == 1 ? at.y : at.x) += 1 / (labels[order[i]] == 1 ? right : wrong);
    at.x = std::min(at.x, 1.0), at.y = std::min(at.y, 1.0);
    if (i + 1 == order.size() ||
        (judged[order[i]] != judged[order[i + 1]] && i % std::max<std::size_t>(1, order.size() / 200) == 0))
      roc.points.push_back(at);
    if (judged[order[i]] >= threshold) roc.used = at;
  }
  return out;
}

// Shares of captions that are true and name every object, of pictures of one object, of more, and of all.
struct caption_measures {
  double all = 0, one = 0, more = 0, merely_true = 0;
  std::int64_t pictures = 0, of_more = 0;
  std::vector<std::string> texts{};
};
template <class Model>
caption_measures measure_captions(device<typename Model::backend_type>& d, const captioner<Model>& c,
                                  const measured_pairs& p, const bootstrap_data& data) {
  caption_measures out;
  const auto described = c(d, p.pictures);
  std::int64_t one = 0;
  for (std::size_t i = 0; i < described.size(); ++i) {
    out.texts.push_back(described[i].at(0).text);
    const bool right = data.complete && data.complete(p.names[i], out.texts.back());
    const bool many = data.objects && data.objects(p.names[i]) > 1;
    out.merely_true += data.truth && data.truth(p.names[i], out.texts.back()) == report::truth::right;
    out.all += right, out.pictures += 1;
    (many ? out.more : out.one) += right;
    ++(many ? out.of_more : one);
  }
  const auto n = static_cast<double>(std::max<std::int64_t>(out.pictures, 1));
  out.all /= n, out.merely_true /= n, out.one /= static_cast<double>(std::max<std::int64_t>(one, 1));
  out.more /= static_cast<double>(std::max<std::int64_t>(out.of_more, 1));
  return out;
}

}  // namespace blip::inline BLIP_ABI
