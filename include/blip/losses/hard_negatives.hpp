// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>

#include "blip/losses/needs.hpp"
#include "blip/losses/tower_pass.hpp"
#include "blip/ops/hard_negatives.hpp"

namespace blip::inline BLIP_ABI {

// Who a pair's negatives are, as indices in back-end memory: for every text an image, for every image a text.
struct negative_indices {
  const int* image_for_text;
  const int* text_for_image;
};

// Draws negatives that the contrastive loss finds similar, from softmax(similarity) + epsilon.
// epsilon: BLIP's pre-training adds 1e-4 after the softmax; ALBEF and BLIP's retrieval add nothing that matters.
// Source: reference implementations, "hard negatives" of `model_pretrain.py` and `blip_pretrain.py`.
struct negatives_by_similarity {
  using needs = type_list<need::similarity>;
  double epsilon = 0;

  template <class P>
  negative_indices draw(P& pass, const int* ids) const {
    const negative_rule rule{.first = 0, .row_ids = ids, .candidate_ids = ids, .epsilon = epsilon};
    auto& t = pass.tape;
    require_equal("negatives_by_similarity: pairs of other ranks cannot be drawn", "columns of the similarities",
                  pass.text_to_image.width(), pass.texts.layout().sequences);
    const auto images = t.scoped("image");
    const int* const image = ops::hard_negatives(t, pass.text_to_image, rule);
    const auto texts = t.scoped("text");
    return {image, ops::hard_negatives(t, pass.image_to_text, rule)};
  }
};

// Draws every other pair of the batch with the same weight.
struct uniform_negatives {
  using needs = type_list<>;

  template <class P>
  negative_indices draw(P& pass, const int* ids) const {
    using T = typename P::tape_type;
    T& t = pass.tape;
    const int n = pass.texts.layout().sequences;
    auto equal = t.make(n, n, nullptr, false);
    memory<typename P::B>::zero(equal->value.data, equal->bytes());
    const scores<T> s(std::move(equal));
    const negative_rule rule{.first = 0, .row_ids = ids, .candidate_ids = ids};
    const auto images = t.scoped("image");
    const int* const image = ops::hard_negatives(t, s, rule);
    const auto texts = t.scoped("text");
    return {image, ops::hard_negatives(t, s, rule)};
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
