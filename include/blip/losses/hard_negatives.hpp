// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>

#include "blip/losses/needs.hpp"
#include "blip/losses/tower_pass.hpp"
#include "blip/ops/gather_ranks.hpp"
#include "blip/ops/hard_negatives.hpp"

namespace blip::inline BLIP_ABI {

// Who a pair's negatives are, as indices in back-end memory: for every text an image, for every image a text. Of all
// ranks, they count in rank order: pair b of rank r is r B + b.
struct negative_indices {
  const int* image_for_text;
  const int* text_for_image;
  negatives_from from = negatives_from::local;
};

namespace detail {

// Draws by scores [B, B], or [B, ranks B] from all ranks. `ids` [B] are the own pairs'; none of equal id is drawn.
template <class P, class T = typename P::tape_type>
negative_indices draw_negatives(P& pass, const scores<T>& text_to_image, const scores<T>& image_to_text, const int* ids,
                                negatives_from from, double epsilon) {
  T& t = pass.tape;
  const int n = pass.texts.layout().sequences;
  const bool all = from == negatives_from::all_ranks;
  require_equal("hard negatives", "columns of the similarities", text_to_image.width(), all ? n * pass.ranks.ranks() : n);
  const negative_rule rule{.first = pass.first,
                           .row_ids = ids,
                           .candidate_ids = all ? ops::gather_ranks(t, ids, n, pass.ranks) : ids,
                           .epsilon = epsilon};
  const auto images = t.scoped("image");
  const int* const image = ops::hard_negatives(t, text_to_image, rule);
  const auto texts = t.scoped("text");
  return {image, ops::hard_negatives(t, image_to_text, rule), from};
}

}  // namespace detail

// Draws negatives that the contrastive loss finds similar, from softmax(similarity) + epsilon: of all ranks when that
// loss provides the similarities with all (itc_options::hard_negatives).
// epsilon: BLIP's pre-training adds 1e-4 after the softmax; ALBEF and BLIP's retrieval add nothing that matters.
// Source: reference implementations, "hard negatives" of `model_pretrain.py` and `blip_pretrain.py`.
struct negatives_by_similarity {
  using needs = type_list<need::similarity>;
  double epsilon = 0;

  template <class P>
  negative_indices draw(P& pass, const int* ids) const {
    return detail::draw_negatives(pass, pass.text_to_image, pass.image_to_text, ids, pass.similar_to, epsilon);
  }
};

// Draws every other pair, of the rank's own batch or of all, with the same weight.
struct uniform_negatives {
  using needs = type_list<>;
  negatives_from from = negatives_from::local;

  template <class P>
  negative_indices draw(P& pass, const int* ids) const {
    const int n = pass.texts.layout().sequences;
    auto equal = pass.tape.make(n, from == negatives_from::all_ranks ? n * pass.ranks.ranks() : n, nullptr, false);
    memory<typename P::B>::zero(equal->value.data, equal->bytes());
    const scores<typename P::tape_type> s(std::move(equal));
    return detail::draw_negatives(pass, s, s, ids, from, 0);
  }
};

// The ones it is told, in back-end memory: for tests.
struct given_negatives {
  using needs = type_list<>;
  negative_indices indices{};

  template <class P>
  negative_indices draw(P&, const int*) const {
    return indices;
  }
};

}  // namespace blip::inline BLIP_ABI
