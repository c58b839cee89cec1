// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "blip/tasks/attention_map.hpp"
#include "blip/tasks/itm_logits.hpp"
#include "blip/tasks/profile.hpp"
#include "blip/tasks/seen_pictures.hpp"

namespace blip::inline BLIP_ABI {

struct grounder_options {
  evaluation_view_options view{};
  int longest = 35;  // tokens of a text, [CLS] and [SEP] included
  int layer = -1;    // of the text encoder, whose attention is looked at; -1: at two thirds of the depth (8 of 12), but
                     // not the last, where only the first token speaks for a match
  int block = -1;    // of the vision tower, likewise, for maps by similarity
  int batch = 8;     // pairs in one pass
  bool marked = true;  // BLIP's texts begin with [ENC] where they read a picture, as in training; else with [CLS]

  void follow(const profile_rules& r) { marked = r.marked_pairs; }
};

// A word of a text and where in the picture it is: [rows, columns], the mean over its pieces.
struct grounded_word {
  std::string text;
  std::vector<float> map;
};

// Where in a picture a text is, patch by patch.
struct grounding {
  int rows = 0, columns = 0;           // patches
  double objective = 0;  // what was explained: the logit of a match, or the similarity over the temperature
  std::vector<int> tokens{};           // ids of the text, special ones included
  std::vector<float> maps{};           // [tokens, rows, columns]; by similarity: none
  std::vector<float> sentence{};       // [rows, columns]: the mean over all tokens
  std::vector<grounded_word> words{};  // without special tokens; by similarity: none
};

// Says where in a picture a text is, for a model that was trained to match: Grad-CAM of the cross-attention of one text
// layer for the logit of a match, per token, per word and for the whole text; or of one vision block's class token for
// the ITC similarity. Only what comes after the layer is recorded. Holds references: model and values must outlive it.
// Results do not depend on the batch. Values must be plain: backward multiplies by weights as they are.
// Source: ALBEF section 4.2, `Grounding.py` (whose map of a padded text is this one times length / padded length).
template <class Model>
class grounder {
 public:
  using B = typename Model::backend_type;
  using S = typename B::scalar;
  using T = recording_tape<B>;
  using towers_type = typename Model::towers_type;

  // Throws config_error for a layer without cross-attention, a block that is not there and packed values.
  grounder(const Model& model, const arena<B>& values, wordpiece tokens, grounder_options o = {})
      : model_(model), values_(values), tokens_(std::move(tokens)), o_(std::move(o)) {
    if (o_.batch < 1) throw config_error({"grounder: batch", "1 or more", std::to_string(o_.batch), {}});
    if (values_.is_packed()) throw config_error({"grounder: values", "plain ones", "packed ones", {}});
    const auto& text = model_.towers().text_encoder();
    const int depth = model_.towers().vision().depth();
    if (o_.layer < 0) o_.layer = std::max(std::min(2 * text.layers() / 3, text.layers() - 2), text.cross_from());
    if (o_.block < 0) o_.block = 2 * depth / 3;
    require_within_depth("layer, one with cross-attention", o_.layer, text.cross_from(), text.layers());
    require_within_depth("block of the vision tower", o_.block, 0, depth);
  }

  const wordpiece& tokens() const { return tokens_; }
  const grounder_options& options() const { return o_; }

  // Text i in picture i, by the logit of a match. Throws shape_error when their numbers differ.
  std::vector<grounding> operator()(device<B>& d, std::span<const image> pictures,
                                    std::span<const std::string> texts) const {
    return each(d, pictures, texts, [&](T& t, auto some, const auto& ids) {
      const seen_pictures seen(t, model_.towers(), some, o_.view);
      auto context = model_.towers().project(t, seen.rows);
      seen_attention<T> attention;
      context.watch = {o_.layer, &attention};
      const text_batch<B> batch(ids, model_.vocabulary(), first_of_matching<towers_type>(tokens_, o_.marked));
      const scores<T> logits = itm_logits(t, model_, batch, context, nullptr);
      std::vector<S> seed(2 * some.size(), S(0));
      for (std::size_t i = 0; i < some.size(); ++i) seed[2 * i + 1] = S(1);
      const std::vector<S> found = go_back(t, logits, seed);

      std::vector<grounding> out;
      row_span rows, patches{0, seen.rows.layout.step};
      for (std::size_t i = 0; i < some.size(); ++i) {
        rows.count = static_cast<int>(ids[i].size());
        grounding g = empty(ids[i], static_cast<double>(found[2 * i + 1]));
        add_maps(g, grad_cam(read_attention_map(t, attention, rows, patches)));
        out.push_back(std::move(g));
        rows.first += rows.count, patches.first += patches.count;
      }
      return out;
    });
  }
  grounding operator()(device<B>& d, const image& picture, const std::string& text) const {
    return std::move((*this)(d, std::span(&picture, 1), std::span(&text, 1)).front());
  }

  // The same by the similarity of their features: the map of the whole text only.
  std::vector<grounding> by_similarity(device<B>& d, std::span<const image> pictures,
                                       std::span<const std::string> texts) const {
    return each(d, pictures, texts, [&](T& t, auto some, const auto& ids) {
      const auto& towers = model_.towers();
      const auto& head = model_.template head_at<itc_at>();
      seen_attention<T> attention;
      const seen_pictures seen(t, towers, some, o_.view, {o_.block, &attention});
      const auto image = head.image(t, seen.class_rows(t));
      const text_batch<B> batch(ids, model_.vocabulary());
      const auto words = towers.text(t, batch.ids(), batch.layout());
      const int n = static_cast<int>(some.size());
      const std::vector<S> text = to_host(head.text(t, ops::gather_rows(t, words, towers.feature_rows(batch), n)));
      const S temperature = to_host<B>(values_.view(head.temperature())).at(0);
      std::vector<S> seed;  // of <v, t> / temperature: t / temperature
      for (const S x : text) seed.push_back(x / temperature);
      const std::vector<S> v = go_back(t, image, seed);

      std::vector<grounding> out;
      const std::size_t width = seed.size() / some.size();
      for (std::size_t i = 0; i < some.size(); ++i) {
        double sum = 0;
        for (std::size_t c = i * width; c < (i + 1) * width; ++c)
          sum += static_cast<double>(v[c]) * static_cast<double>(seed[c]);
        grounding g = empty(ids[i], sum);
        const int step = seen.rows.layout.step, first = step * static_cast<int>(i);
        const auto cam = grad_cam(read_attention_map(t, attention, {first, 1}, {first, step}));
        g.sentence.assign(cam.begin(), cam.end());
        out.push_back(std::move(g));
      }
      return out;
    });
  }

 private:
  static constexpr std::size_t itc_at = detail::loss_of<Model>("itc");
  static_assert(itc_at < Model::loss_count && detail::loss_of<Model>("itm") < Model::loss_count,
                "blip::grounder: the model has no itc or no itm head");

  static void require_within_depth(const char* what, int is, int first, int end) {
    if (is < first || is >= end)
      throw config_error({std::string("grounder: ") + what, std::to_string(first) + " to " + std::to_string(end - 1),
                          std::to_string(is), {}});
  }

  template <class F>
  std::vector<grounding> each(device<B>& d, std::span<const image> pictures, std::span<const std::string> texts,
                              F pass) const {
    require_equal("grounder", "texts", static_cast<long long>(texts.size()), static_cast<long long>(pictures.size()));
    std::vector<grounding> all;
    for (std::size_t at = 0; at < texts.size(); at += static_cast<std::size_t>(o_.batch)) {
      const std::size_t n = std::min(texts.size() - at, static_cast<std::size_t>(o_.batch));
      T t(d, values_);  // without gradients of parameters
      for (grounding& g : pass(t, pictures.subspan(at, n), tokens_.encode_batch(texts.subspan(at, n), o_.longest)))
        all.push_back(std::move(g));
    }
    return all;
  }
  // Runs backward from rows with a gradient on the host, and gives their values.
  template <class V>
  static std::vector<S> go_back(T& t, const V& rows, const std::vector<S>& seed) {
    const buffer<B, S> given{std::span<const S>(seed)};
    const int width = rows.ref()->value.width;
    t.backward(rows, {given.data(), rows.rows(), width, width, nullptr});
    return to_host(rows);
  }

  grounding empty(const std::vector<int>& ids, double objective) const {
    const int patch = towers_type::patch;
    return {.rows = o_.view.height / patch, .columns = o_.view.width / patch, .objective = objective, .tokens = ids};
  }
  void add_maps(grounding& g, const std::vector<double>& cam) const {
    g.maps.assign(cam.begin(), cam.end());
    const std::size_t size = cam.size() / g.tokens.size();
    const auto mean = [&](std::size_t first, std::size_t count) {
      std::vector<float> map(size);
      for (std::size_t i = 0; i < size; ++i) {
        double sum = 0;
        for (std::size_t k = first; k < first + count; ++k) sum += cam[k * size + i];
        map[i] = static_cast<float>(sum / static_cast<double>(count));
      }
      return map;
    };
    g.sentence = mean(0, g.tokens.size());
    for (std::size_t k = 0; k < g.tokens.size();) {
      std::size_t end = k + 1;
      if (!tokens_.is_special(g.tokens[k]) || g.tokens[k] == tokens_.unknown()) {
        while (end < g.tokens.size() && tokens_.tokens().token(g.tokens[end]).starts_with("##")) ++end;
        const auto pieces = std::span(g.tokens).subspan(k, end - k);
        g.words.push_back({tokens_.decode(pieces, {.skip_special = false}), mean(k, end - k)});
      }
      k = end;
    }
  }

  const Model& model_;
  const arena<B>& values_;
  wordpiece tokens_;
  grounder_options o_;
};

}  // namespace blip::inline BLIP_ABI
