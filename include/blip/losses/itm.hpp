// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <numeric>
#include <string_view>
#include <vector>

#include "blip/layers/linear.hpp"
#include "blip/losses/examples.hpp"
#include "blip/losses/hard_negatives.hpp"
#include "blip/losses/pair_pool.hpp"
#include "blip/ops/cross_entropy.hpp"
#include "blip/ops/gather_rows.hpp"
#include "blip/ops/matching_pairs.hpp"
#include "blip/ops/reduce.hpp"

namespace blip::inline BLIP_ABI {

struct itm_options {
  int first_token = 30523;  // [ENC] in place of every text's first one; -1: as it is (ALBEF)
};

// Image-text matching: is this the picture's text?  logits = W h_class + b, two classes, column 1 = matched;
// cross entropy, mean over 3 B pairs: the B matched ones, each text with a negative picture, each picture with a negative
// text, in one pass over B pictures (or those of all ranks). Towers whose text layers come first continue from the text
// states, others begin anew.
// Source: ALBEF section 3.1; `model_pretrain.py`, `blip_pretrain.py`.
template <class Negatives = negatives_by_similarity>
class itm {
 public:
  static constexpr std::string_view name = "itm";
  using needs = typename joined_lists<type_list<need::image_states, need::states_to_fuse, need::fusion>,
                                      typename Negatives::needs>::type;
  using provides = type_list<>;

  explicit itm(const itm_options& o = {}, Negatives n = {}) : negatives(std::move(n)), options_(o) {}

  Negatives negatives;

  template <class Towers>
  class head_type {
   public:
    explicit head_type(const itm&) {}
    template <class T, int K>
    scores<T> forward(T& t, const var<T, K>& rows) const {
      return scores<T>(linear_.forward(t, rows).ref());
    }
    template <class Self, class F>
    static void averaged(Self&, F&&) {}
    template <class Self, class F>
    static void others(Self& self, F&& f) {
      f("itm_head", self.linear_);
    }

   private:
    linear<linear_config{.in = Towers::text_width, .out = 2}, typename Towers::backend_type> linear_;
  };

  template <class B>
  struct state {
    void commit() {}
    void discard() {}
  };
  template <class B>
  state<B> make_state(std::uint64_t) const {
    return {};
  }

  template <class B>
  struct data {
    text_batch<B> texts;     // with the first token of matching
    buffer<B, int> labels;   // [3 B]
    buffer<B, int> ids;      // [B] of the pictures; the examples' numbers where all differ
    buffer<B, int> streams;  // [3 B] where each pair draws its random numbers, whatever the size of the batch
    std::vector<int> lengths;  // of the texts
    bool one_picture = false;  // all ids are equal
  };
  template <class B>
  data<B> prepare(const examples& e, int vocabulary, const example_site& at) const {
    const std::size_t n = e.texts.size();
    std::vector<int> labels(3 * n, 0), ids = e.image_ids, streams, lengths;
    std::fill_n(labels.begin(), n, 1);
    const bool one_picture = std::all_of(ids.begin(), ids.end(), [&](int id) { return id == ids[0]; }) && !ids.empty();
    if (ids.empty()) ids.resize(n), std::iota(ids.begin(), ids.end(), at.first);
    for (int kind = 0; kind < 3; ++kind)
      for (std::size_t b = 0; b < n; ++b) streams.push_back(3 * (at.first + static_cast<int>(b)) + kind);
    for (const auto& text : e.texts) lengths.push_back(static_cast<int>(text.size()));
    return {text_batch<B>(e.texts, vocabulary, options_.first_token),
            buffer<B, int>(std::span<const int>(labels)),
            buffer<B, int>(std::span<const int>(ids)),
            buffer<B, int>(std::span<const int>(streams)),
            std::move(lengths),
            one_picture};
  }
  template <class B, class H>
  void begin(device<B>&, arena<B>&, const H&) const {}

  // Throws shape_error when a picture has no other to be told from.
  template <class P, class H, class B = typename P::B>
  var<typename P::tape_type, 1> loss(P& pass, const H& head, const data<B>& d, state<B>&) const {
    auto& t = pass.tape;
    const sequence_layout& own = d.texts.layout();
    const int n = own.sequences;
    const negative_indices other = negatives.draw(pass, d.ids.data());
    const bool everywhere = other.from == negatives_from::all_ranks && pass.ranks.ranks() > 1;
    if (d.one_picture && !everywhere)
      throw shape_error({"itm: image ids", "at least two different ones in a batch", "one",
                         "a pair needs another picture to be told from"});
    const pair_pool<P> pool = everywhere ? pairs_of_all_ranks(pass, d.texts, d.lengths) : own_pairs(pass, d.texts);
    const ops::text_pairs pairs = ops::matching_pairs(t, pool.texts, pool.first, n, own.rows, other.image_for_text,
                                                      other.text_for_image, d.streams.data());
    const auto first = [&] {
      if constexpr (P::towers_type::fuses_states) {
        const auto rows = ops::gather_rows(t, pool.states, pairs.rows, pairs.layout.rows, pairs.layout.live);
        return pass.towers.fuse_first(t, rows, pairs.layout, pool.pictures, pairs.images);
      } else {
        const int* const ids = ops::gather_ints(t, pool.ids, pairs.rows, pairs.layout.rows, pairs.layout.live);
        return pass.towers.multimodal_first(t, ids, pairs.layout, pool.pictures, pairs.images);
      }
    }();
    pass.show("itm_states", first);
    const auto logits = head.forward(t, first);
    pass.show("itm_logits", logits);
    return ops::mean_labelled(t, ops::cross_entropy(t, logits, d.labels.data()));
  }

 private:
  itm_options options_;
};

}  // namespace blip::inline BLIP_ABI
