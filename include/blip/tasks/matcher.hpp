// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip/autograd/tape.hpp"
#include "blip/core/text_batch.hpp"
#include "blip/image/evaluation_view.hpp"
#include "blip/models/vision_language_model.hpp"
#include "blip/tasks/itm_logits.hpp"
#include "blip/tasks/profile.hpp"
#include "blip/tasks/seen_pictures.hpp"
#include "blip/text/wordpiece.hpp"

namespace blip::inline BLIP_ABI {

struct matcher_options {
  evaluation_view_options view{};
  int longest = 35;  // tokens of a text, [CLS] and [SEP] included
  int batch = 32;    // pictures, or pairs, in one pass
  bool marked = true;  // BLIP's texts begin with [ENC] where they read a picture, as in training; else with [CLS]

  void follow(const profile_rules& r) { marked = r.marked_match; }
};

// Picture and text of a pair to be judged, by their numbers.
struct pair_of {
  int picture = 0, text = 0;
};

// Rows of unit length, one for each picture or text: [count, width].
struct feature_rows {
  int count = 0, width = 0;
  std::vector<float> values{};

  std::span<const float> row(int i) const {
    return std::span(values).subspan(static_cast<std::size_t>(i) * static_cast<std::size_t>(width),
                                     static_cast<std::size_t>(width));
  }
};

// Do picture and text belong together? For a model that was trained with itc and itm: its features, whose product is
// the ITC similarity, and the ITM probability softmax(W h_class + b)_1 of pairs. Holds references: model and values
// must outlive it. Several threads may share one, each with a device of its own; results do not depend on the batch.
// Source: ALBEF section 3.1; BLIP `blip_itm.py`.
template <class Model>
class matcher {
 public:
  using B = typename Model::backend_type;
  using S = typename B::scalar;
  using towers_type = typename Model::towers_type;

  matcher(const Model& model, const arena<B>& values, wordpiece tokens, matcher_options o = {})
      : model_(model), values_(values), tokens_(std::move(tokens)), o_(std::move(o)) {
    if (o_.batch < 1) throw config_error({"matcher: batch", "1 or more", std::to_string(o_.batch), {}});
  }

  const wordpiece& tokens() const { return tokens_; }
  const matcher_options& options() const { return o_; }

  feature_rows image_features(device<B>& d, std::span<const image> pictures) const {
    feature_rows out;
    each_chunk(pictures.size(), [&](std::size_t first, std::size_t n) {
      inference_tape<B> t(d, values_);
      const viewed_pictures<B> some(pictures.subspan(first, n), o_.view);
      append(out, itc_head().image(t, model_.towers().class_states(t, some.on(t))));
    });
    return out;
  }

  feature_rows text_features(device<B>& d, std::span<const std::string> texts) const {
    feature_rows out;
    each_chunk(texts.size(), [&](std::size_t first, std::size_t n) {
      inference_tape<B> t(d, values_);
      const text_batch<B> batch(tokens_.encode_batch(texts.subspan(first, n), o_.longest), model_.vocabulary());
      append(out, itc_head().text(t, model_.towers().feature_states(t, batch)));
    });
    return out;
  }

  // The ITM probability of each pair. Pictures are seen once, and projected once, however many pairs show them. Throws
  // shape_error for a number out of range.
  std::vector<double> probabilities(device<B>& d, std::span<const image> pictures, std::span<const std::string> texts,
                                    std::span<const pair_of> pairs) const {
    std::vector<std::vector<std::size_t>> of(pictures.size());  // pairs of each picture
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      require_number("picture", pairs[i].picture, pictures.size());
      require_number("text", pairs[i].text, texts.size());
      of[static_cast<std::size_t>(pairs[i].picture)].push_back(i);
    }
    const std::vector<std::vector<int>> encoded = tokens_.encode_batch(texts, o_.longest);
    std::vector<double> out(pairs.size());
    each_chunk(pictures.size(), [&](std::size_t first, std::size_t n) {
      std::vector<std::size_t> mine;
      for (std::size_t p = first; p < first + n; ++p) mine.insert(mine.end(), of[p].begin(), of[p].end());
      if (mine.empty()) return;
      inference_tape<B> t(d, values_);
      const seen_pictures seen(t, model_.towers(), pictures.subspan(first, n), o_.view);
      const auto context = model_.towers().project(t, seen.rows);
      for (std::size_t at = 0; at < mine.size(); at += static_cast<std::size_t>(o_.batch)) {
        const auto some = std::span(mine).subspan(at, std::min(mine.size() - at, static_cast<std::size_t>(o_.batch)));
        std::vector<std::vector<int>> ids;
        std::vector<int> source;
        for (const std::size_t i : some) {
          ids.push_back(encoded[static_cast<std::size_t>(pairs[i].text)]);
          source.push_back(pairs[i].picture - static_cast<int>(first));
        }
        judge(t, context, ids, source, some, out);
      }
    });
    return out;
  }
  // Of text i and picture i.
  std::vector<double> probabilities(device<B>& d, std::span<const image> pictures,
                                    std::span<const std::string> texts) const {
    require_equal("matcher: probabilities", "texts", static_cast<long long>(texts.size()),
                  static_cast<long long>(pictures.size()));
    std::vector<pair_of> pairs;
    for (int i = 0; i < static_cast<int>(texts.size()); ++i) pairs.push_back({i, i});
    return probabilities(d, pictures, texts, pairs);
  }

 private:
  static constexpr std::size_t itc_at = detail::loss_of<Model>("itc"), itm_at = detail::loss_of<Model>("itm");
  static_assert(itc_at < Model::loss_count && itm_at < Model::loss_count,
                "blip::matcher: the model has no itc or no itm head");

  const auto& itc_head() const { return model_.template head_at<itc_at>(); }

  template <class F>
  void each_chunk(std::size_t count, F f) const {
    for (std::size_t at = 0; at < count; at += static_cast<std::size_t>(o_.batch))
      f(at, std::min(count - at, static_cast<std::size_t>(o_.batch)));
  }
  static void require_number(const char* what, int is, std::size_t count) {
    if (is < 0 || static_cast<std::size_t>(is) >= count)
      throw shape_error({std::string("matcher: ") + what + " of a pair",
                         count == 0 ? std::string("none") : "0 to " + std::to_string(count - 1),
                         std::to_string(is),
                         {}});
  }

  template <class T, class C>
  void judge(T& t, const C& context, std::span<const std::vector<int>> ids, std::span<const int> source,
             std::span<const std::size_t> to, std::vector<double>& out) const {
    const text_batch<B> batch(ids, model_.vocabulary(), first_of_matching<towers_type>(tokens_, o_.marked));
    const buffer<B, int> reads(source);
    const auto logits = to_host(itm_logits(t, model_, batch, context, reads.data()));
    for (std::size_t i = 0; i < to.size(); ++i)
      out[to[i]] = 1 / (1 + std::exp(static_cast<double>(logits[2 * i]) - static_cast<double>(logits[2 * i + 1])));
  }

  template <class V>
  static void append(feature_rows& out, const V& rows) {
    const auto host = to_host(rows);
    out.count += rows.rows();
    out.width = static_cast<int>(host.size()) / std::max(rows.rows(), 1);
    out.values.insert(out.values.end(), host.begin(), host.end());
  }

  const Model& model_;
  const arena<B>& values_;
  wordpiece tokens_;
  matcher_options o_;
};

}  // namespace blip::inline BLIP_ABI
