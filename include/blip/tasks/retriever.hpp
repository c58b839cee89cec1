// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "blip/ops/gather_rows.hpp"
#include "blip/ops/similarity.hpp"
#include "blip/tasks/best_few.hpp"
#include "blip/tasks/itm_logits.hpp"
#include "blip/tasks/matcher.hpp"
#include "blip/tasks/retrieval_index.hpp"
#include "blip/tasks/seen_pictures.hpp"

namespace blip::inline BLIP_ABI {

// What a pair that was read is ranked by: its logit of a match, or that and the cosine of its features.
enum class pair_score { itm, itm_and_itc };

struct retriever_options {
  evaluation_view_options view{};
  int longest = 35;                    // tokens of a text, [CLS] and [SEP] included
  int shortlist = 128;                 // of each query, by similarity, to be read; 0: none is
  std::optional<pair_score> score{};   // none: as published, ALBEF itm, BLIP itm_and_itc
  std::uint64_t picture_bytes = std::uint64_t{4} << 30;  // for states of pictures; the others are seen a second time
  std::uint64_t text_bytes = std::uint64_t{1} << 30;     // for states of texts, where fusion goes on from them
  int pictures = 8;                    // whose keys and values exist at a time
  int batch = 64;                      // pictures, texts or pairs in one pass
  bool marked = true;  // BLIP's texts begin with [ENC] where they read a picture, as in training; else with [CLS]

  void follow(const profile_rules& r, bool of_albef) { marked = r.marked_pairs, score = score_of(r, of_albef); }
  static pair_score score_of(const profile_rules& r, bool of_albef) {
    return of_albef && !r.albef_adds_similarity ? pair_score::itm : pair_score::itm_and_itc;
  }
};

// A picture or text that was found for a query.
struct found_match {
  int number = 0;
  double score = 0;       // what the query's matches are ranked by
  double similarity = 0;  // cosine
  double logit = 0;       // of a match; 0 where the pair was not read

  bool operator==(const found_match&) const = default;
};

// Scores of both directions: those of a query's shortlist, and -100 for the rest.
struct retrieval_matrices {
  int pictures = 0, texts = 0;
  std::vector<float> image_to_text{}, text_to_image{};  // [pictures, texts], [texts, pictures]
  std::size_t pairs_read = 0;

  matrix_view<const float> image_rows() const { return {image_to_text.data(), pictures, texts, texts, nullptr}; }
  matrix_view<const float> text_rows() const { return {text_to_image.data(), texts, pictures, pictures, nullptr}; }
};

// Finds pictures for texts and texts for pictures: the cosine of the features gives each query a shortlist, whose pairs
// the model reads (fusion, or the multimodal encoder) and judges. A picture's keys and values are projected once for
// all texts that read it, a pair in the shortlists of both directions is read once, and texts have no padding. Holds
// references: model and values must outlive it. Results depend neither on batch nor on the bounds on memory.
// Source: ALBEF section 4.1, `Retrieval.py`; BLIP `train_retrieval.py`, evaluation.
template <class Model>
class retriever {
 public:
  using B = typename Model::backend_type;
  using S = typename B::scalar;
  using towers_type = typename Model::towers_type;

  retriever(const Model& model, const arena<B>& values, wordpiece tokens, retriever_options o = {})
      : model_(model), values_(values), tokens_(std::move(tokens)), o_(std::move(o)) {
    if (o_.batch < 1) throw config_error({"retriever: batch", "1 or more", std::to_string(o_.batch), {}});
    if (o_.pictures < 1) throw config_error({"retriever: pictures", "1 or more", std::to_string(o_.pictures), {}});
    if (o_.shortlist < 0) throw config_error({"retriever: shortlist", "0 or more", std::to_string(o_.shortlist), {}});
    if (!o_.score) o_.score = retriever_options::score_of(rules_of(profile::official), towers_type::fuses_states);
  }

  const retriever_options& options() const { return o_; }

  // Sees `count` pictures; the index keeps `source` for those whose states do not fit.
  picture_index<B> pictures(device<B>& d, int count, picture_source source) const {
    picture_index<B> x{.count = count, .features = rows_for(count), .source = std::move(source)};
    x.states.resize(static_cast<std::size_t>(count));
    bool room = true;
    for (int at = 0; at < count; at += o_.batch) {
      std::vector<image> some;
      for (int i = at; i < std::min(count, at + o_.batch); ++i) some.push_back(x.source(i));
      inference_tape<B> t(d, values_);
      const seen_pictures seen(t, model_.towers(), some, o_.view);
      keep_features(x.features, at, itc_head().image(t, seen.class_rows(t)));
      for (std::size_t i = 0; i < some.size() && room; ++i)
        room = keep(x, o_.picture_bytes, static_cast<std::size_t>(at) + i, seen.rows.rows.view(),
                    seen.rows.layout.step * static_cast<int>(i), seen.rows.layout.step);
    }
    return x;
  }
  picture_index<B> pictures(device<B>& d, std::span<const image> all) const {
    return pictures(d, static_cast<int>(all.size()), [all](int i) { return all[static_cast<std::size_t>(i)]; });
  }

  text_index<B> texts(device<B>& d, std::span<const std::string> all) const {
    const int count = static_cast<int>(all.size());
    text_index<B> x{.count = count, .features = rows_for(count), .ids = tokens_.encode_batch(all, o_.longest)};
    x.states.resize(all.size());
    [[maybe_unused]] bool room = true;
    for (int at = 0; at < count; at += o_.batch) {
      const int n = std::min(count - at, o_.batch);
      const auto ids = std::span(x.ids).subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(n));
      inference_tape<B> t(d, values_);
      const text_batch<B> batch(ids, model_.vocabulary());
      if constexpr (towers_type::fuses_states) {
        const auto states = model_.towers().text(t, batch.ids(), batch.layout());
        keep_features(x.features, at,
                      itc_head().text(t, ops::gather_rows(t, states, model_.towers().feature_rows(batch), n)));
        int first = 0;
        for (std::size_t i = 0; i < ids.size() && room; ++i) {
          const int rows = static_cast<int>(ids[i].size());
          room = keep(x, o_.text_bytes, static_cast<std::size_t>(at) + i, states.view(), first, rows);
          first += rows;
        }
      } else {
        keep_features(x.features, at, itc_head().text(t, model_.towers().feature_states(t, batch)));
      }
    }
    return x;
  }

  // The best `top` pictures of each text, best first; of a shortlist that is shorter than that, `top` are read.
  std::vector<std::vector<found_match>> find_pictures(device<B>& d, const picture_index<B>& p, const text_index<B>& x,
                                                      int top) const {
    return find(d, p, x, top, false);
  }
  // The best `top` texts of each picture.
  std::vector<std::vector<found_match>> find_texts(device<B>& d, const picture_index<B>& p, const text_index<B>& x,
                                                   int top) const {
    return find(d, p, x, top, true);
  }

  // Every picture and every text as a query: what recall is computed from (blip/eval/retrieval_recall.hpp).
  retrieval_matrices scores(device<B>& d, const picture_index<B>& p, const text_index<B>& x) const {
    const int all = std::max(p.count, x.count);
    const lists found = shortlists(d, p, x, o_.shortlist == 0 ? all : o_.shortlist, true, true);
    retrieval_matrices m{.pictures = p.count, .texts = x.count};
    m.image_to_text.assign(static_cast<std::size_t>(p.count) * static_cast<std::size_t>(x.count), -100);
    m.text_to_image = m.image_to_text;
    std::vector<pair_of> pairs;
    each_pair(found, [&](const pair_of& pair, double, bool) { pairs.push_back(pair); });
    const pair_logits logits = read(d, p, x, std::move(pairs));
    m.pairs_read = logits.pairs.size();
    each_pair(found, [&](const pair_of& pair, double similarity, bool of_picture) {
      const auto i = static_cast<std::size_t>(pair.picture), j = static_cast<std::size_t>(pair.text);
      const double score = judge(logits, pair, similarity).score;
      if (of_picture)
        m.image_to_text[i * static_cast<std::size_t>(x.count) + j] = static_cast<float>(score);
      else
        m.text_to_image[j * static_cast<std::size_t>(p.count) + i] = static_cast<float>(score);
    });
    return m;
  }

  // The logits of a match of pairs, in their order. Throws shape_error for a number out of range.
  std::vector<double> logits(device<B>& d, const picture_index<B>& p, const text_index<B>& x,
                             std::span<const pair_of> pairs) const;

 private:
  static constexpr std::size_t itc_at = detail::loss_of<Model>("itc");
  static_assert(itc_at < Model::loss_count && detail::loss_of<Model>("itm") < Model::loss_count,
                "blip::retriever: the model has no itc or no itm head");
  static constexpr int image_width = towers_type::image_width, text_width = towers_type::text_width;
  template <class T>
  using image_feature = decltype(std::declval<const Model&>().template head_at<itc_at>().image(
      std::declval<T&>(), std::declval<const var<T, image_width>&>()));
  static constexpr int feature_width = image_feature<inference_tape<B>>::width;

  const auto& itc_head() const { return model_.template head_at<itc_at>(); }

  // Shortlists by similarity of the pictures and of the texts.
  struct lists {
    std::vector<std::vector<best_few::entry>> pictures{}, texts{};
  };
  // Pairs that were read, sorted, with their logits.
  struct pair_logits {
    std::vector<pair_of> pairs{};
    std::vector<double> values{};
  };

  static buffer<B, S> rows_for(int count) {
    if (count < 0) throw config_error({"retriever: pictures", "0 or more", std::to_string(count), {}});
    return buffer<B, S>(static_cast<std::size_t>(count) * static_cast<std::size_t>(feature_width));
  }
  static std::size_t size_of(int rows, int width) {
    return static_cast<std::size_t>(rows) * static_cast<std::size_t>(width);
  }
  // Rows are one after the other in everything that ops make.
  static void copy_rows(S* to, const matrix_view<const S>& from, int first, int rows) {
    memory<B>::copy(to, from.row(first), size_of(rows, from.width) * sizeof(S));
  }
  template <class V>
  static void keep_features(buffer<B, S>& all, int at, const V& rows) {
    copy_rows(all.data() + size_of(at, feature_width), rows.view(), 0, rows.rows());
  }
  // False when the states do not fit any more.
  template <class Index>
  static bool keep(Index& x, std::uint64_t bound, std::size_t i, const matrix_view<const S>& from, int first,
                   int rows) {
    const std::uint64_t bytes = size_of(rows, from.width) * sizeof(S);
    if (x.bytes + bytes > bound) return false;
    x.bytes += bytes;
    x.states[i] = buffer<B, S>(size_of(rows, from.width));
    copy_rows(x.states[i].data(), from, first, rows);
    return true;
  }

  lists shortlists(device<B>& d, const picture_index<B>& p, const text_index<B>& x, int size, bool of_pictures,
                   bool of_texts) const;

  // f(pair, similarity, whether the query is the picture)
  template <class F>
  static void each_pair(const lists& found, F f) {
    for (std::size_t i = 0; i < found.pictures.size(); ++i)
      for (const auto& e : found.pictures[i]) f(pair_of{static_cast<int>(i), e.number}, e.score, true);
    for (std::size_t i = 0; i < found.texts.size(); ++i)
      for (const auto& e : found.texts[i]) f(pair_of{e.number, static_cast<int>(i)}, e.score, false);
  }

  static bool before(const pair_of& a, const pair_of& b) {
    return a.picture < b.picture || (a.picture == b.picture && a.text < b.text);
  }
  // Each pair once; none where shortlists are not read.
  pair_logits read(device<B>& d, const picture_index<B>& p, const text_index<B>& x, std::vector<pair_of> pairs) const {
    if (o_.shortlist == 0) return {};
    std::sort(pairs.begin(), pairs.end(), before);
    const auto same = [](const pair_of& a, const pair_of& b) { return a.picture == b.picture && a.text == b.text; };
    pairs.erase(std::unique(pairs.begin(), pairs.end(), same), pairs.end());
    std::vector<double> values = logits(d, p, x, pairs);
    return {std::move(pairs), std::move(values)};
  }
  found_match judge(const pair_logits& read, const pair_of& pair, double similarity) const {
    if (o_.shortlist == 0) return {.score = similarity, .similarity = similarity};
    const auto at = std::lower_bound(read.pairs.begin(), read.pairs.end(), pair, before) - read.pairs.begin();
    const double logit = read.values[static_cast<std::size_t>(at)];
    return {
        .score = *o_.score == pair_score::itm ? logit : logit + similarity, .similarity = similarity, .logit = logit};
  }

  std::vector<std::vector<found_match>> find(device<B>& d, const picture_index<B>& p, const text_index<B>& x, int top,
                                             bool texts_of_pictures) const {
    if (top < 1) throw config_error({"retriever: top", "1 or more", std::to_string(top), {}});
    const lists found = shortlists(d, p, x, std::max(top, o_.shortlist), texts_of_pictures, !texts_of_pictures);
    std::vector<pair_of> pairs;
    each_pair(found, [&](const pair_of& pair, double, bool) { pairs.push_back(pair); });
    const pair_logits logits = read(d, p, x, std::move(pairs));
    std::vector<std::vector<found_match>> out(static_cast<std::size_t>(texts_of_pictures ? p.count : x.count));
    each_pair(found, [&](const pair_of& pair, double similarity, bool of_picture) {
      found_match m = judge(logits, pair, similarity);
      m.number = of_picture ? pair.text : pair.picture;
      out[static_cast<std::size_t>(of_picture ? pair.picture : pair.text)].push_back(m);
    });
    for (std::vector<found_match>& list : out) {
      std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.score > b.score; });
      list.resize(std::min(list.size(), static_cast<std::size_t>(top)));
    }
    return out;
  }

  // States of a chunk of pictures, one after the other; those that were not kept are seen again.
  buffer<B, S> picture_states(inference_tape<B>& t, const picture_index<B>& p, std::span<const int> numbers,
                              int rows) const;
  // States of texts, likewise.
  buffer<B, S> text_states(inference_tape<B>& t, const text_index<B>& x, std::span<const int> numbers) const;

  const Model& model_;
  const arena<B>& values_;
  wordpiece tokens_;
  retriever_options o_;
};

}  // namespace blip::inline BLIP_ABI

#include "blip/tasks/retriever-inl.hpp"
