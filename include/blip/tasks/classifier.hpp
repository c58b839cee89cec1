// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "blip/generate/log_sum_exp.hpp"
#include "blip/tasks/chosen_pictures.hpp"
#include "blip/tasks/matcher.hpp"
#include "blip/text/cleaning.hpp"

namespace blip::inline BLIP_ABI {

struct classifier_options {
  evaluation_view_options view{};
  bool cleaned = true;  // texts, as the published code cleans captions
  int words = 0;        // of a cleaned text; 0: as published, 30 for ALBEF and 40 for BLIP
  int longest = 0;      // tokens of a text, [CLS] and [SEP] included; 0: no bound
  int batch = 32;       // texts in one pass
};

// Which class has a text about its picture, or about its two pictures? For a model that was trained with
// `classification`:   p = softmax(W_2 relu(W_1 h_first + b_1) + b_2).
// Entailment (SNLI-VE): contradiction, neutral, entailment, in this order; NLVR2: false, true, of two pictures. Holds
// references: model and values must outlive it. Several threads may share one, each with a device of its own; results
// do not depend on the batch. Source: ALBEF `model_ve.py` and `model_nlvr.py`, BLIP `blip_nlvr.py`, predictions.
template <class Model>
class classifier {
  static constexpr std::size_t head_at = detail::loss_of<Model>("classification");
  static_assert(head_at < Model::loss_count, "blip::classifier: the model has no classification head");

 public:
  using B = typename Model::backend_type;
  static constexpr int pictures_per_text = Model::pictures_per_text;
  static constexpr bool of_albef = Model::towers_type::fuses_states;

  classifier(const Model& model, const arena<B>& values, wordpiece tokens, classifier_options o = {})
      : model_(model), values_(values), tokens_(std::move(tokens)), o_(std::move(o)) {
    if (o_.batch < 1) throw config_error({"classifier: batch", "1 or more", std::to_string(o_.batch), {}});
    // BLIP's texts begin with [ENC] in place of [CLS].
    if constexpr (!of_albef) first_token_ = tokens_.id("[ENC]");
  }

  const classifier_options& options() const { return o_; }

  // The probabilities of each text, [texts][classes]. `of` holds the numbers of the pictures that the texts read,
  // pictures_per_text after one another for each; none: every picture is read once, in order. Within a batch a picture
  // is seen once, so texts about one should be neighbours. Throws shape_error for numbers that do not fit.
  std::vector<std::vector<double>> operator()(device<B>& d, std::span<const image> pictures,
                                              std::span<const std::string> texts, std::span<const int> of = {}) const {
    constexpr auto each = static_cast<std::size_t>(pictures_per_text);
    require_equal("classifier", of.empty() ? "pictures of the texts" : "numbers of pictures of the texts",
                  std::ssize(of) + (of.empty() ? std::ssize(pictures) : 0), pictures_per_text * std::ssize(texts));
    std::vector<std::vector<int>> ids;
    for (const std::string& text : texts) ids.push_back(tokens_.encode(o_.cleaned ? clean(text) : text, o_.longest));
    std::vector<std::vector<double>> out;
    for (std::size_t at = 0; at < texts.size(); at += static_cast<std::size_t>(o_.batch)) {
      const std::size_t n = std::min(texts.size() - at, static_cast<std::size_t>(o_.batch));
      std::vector<int> reads;  // the first pictures of all texts, then the second ones
      for (std::size_t which = 0; which < each; ++which)
        for (std::size_t i = at; i < at + n; ++i) {
          const std::size_t place = i * each + which;
          reads.push_back(of.empty() ? static_cast<int>(place) : of[place]);
        }
      judge(d, chosen_pictures(pictures, reads), std::span(ids).subspan(at, n), out);
    }
    return out;
  }

 private:
  std::string clean(const std::string& text) const {
    return clean_caption(of_albef ? cleaning::albef : cleaning::blip, text,
                         o_.words != 0 ? o_.words
                         : of_albef    ? 30
                                       : 40);
  }

  void judge(device<B>& d, const chosen_pictures& chosen, std::span<const std::vector<int>> ids,
             std::vector<std::vector<double>>& out) const {
    const auto& towers = model_.towers();
    inference_tape<B> t(d, values_);
    const seen_pictures seen(t, towers, std::span<const image>(chosen.pictures), o_.view);
    const text_batch<B> batch(ids, model_.vocabulary(), first_token_);
    const buffer<B, int> reads{std::span<const int>(chosen.source)};
    const auto rows = [&] {
      if constexpr (pictures_per_text == 2)
        if (chosen.all_different())  // each picture is projected for the place at which it is read alone
          return towers.multimodal_first(t, batch.ids(), batch.layout(), towers.project_pairs(t, seen.rows), nullptr);
      return towers.multimodal_first(t, batch.ids(), batch.layout(), towers.project(t, seen.rows), reads.data());
    }();
    const auto logits = to_host(model_.template head_at<head_at>().forward(t, rows));
    const std::size_t classes = logits.size() / ids.size();
    for (std::size_t i = 0; i < ids.size(); ++i) {
      std::vector<double> p(classes);
      for (std::size_t c = 0; c < classes; ++c) p[c] = static_cast<double>(logits[i * classes + c]);
      const double all = log_sum_exp(std::span<const double>(p), std::span<double>(p));
      for (double& x : p) x = std::exp(x - all);
      out.push_back(std::move(p));
    }
  }

  const Model& model_;
  const arena<B>& values_;
  wordpiece tokens_;
  classifier_options o_;
  int first_token_ = -1;  // as it is
};

}  // namespace blip::inline BLIP_ABI
