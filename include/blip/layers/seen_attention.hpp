// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/ops/attend.hpp"

namespace blip::inline BLIP_ABI {

// What an attention read and gave, before its output projection, for those who look at it: its probabilities follow
// from queries and keys, their gradient from the values and the gradient of `given`, so none of them is ever made
// within a pass (blip/tasks/attention_map.hpp). On a recording tape backward comes at least as far as here.
template <class T>
struct seen_attention {
  using B = typename T::backend_type;

  ops::attention_inputs<B> inputs{};  // queries [n, .], keys and values [m, .]
  scores<T> given{};                  // sum_j p_ij v_j, [n, width]
  attention_spec spec{};
};

// The one layer of a tower whose attention is looked at; the first one is 0.
template <class T>
struct watched_layer {
  int layer = -1;
  seen_attention<T>* seen = nullptr;  // must outlive the pass

  seen_attention<T>* at(int i) const { return i == layer ? seen : nullptr; }
};

}  // namespace blip::inline BLIP_ABI
