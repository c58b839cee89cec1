// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/losses/tower_pass.hpp"
#include "blip/ops/first_rows.hpp"
#include "support/numbers.hpp"

namespace blip_test {

// Towers that give the states a test hands them, with heads that pass states on as logits: losses ask a concept, so
// what a loss sees can be chosen, and the gradient that it sends back be seen.
template <class B, int Width>
struct given_towers {
  using backend_type = B;
  static constexpr int image_width = Width, text_width = Width, decoder_width = Width;
  static constexpr bool fuses_states = true;

  blip::tensor<B> states{};  // [rows, Width], whatever the tower

  struct nothing {};
  template <class T>
  struct image_rows {
    blip::var<T, Width> rows;
    blip::sequence_layout layout;
  };
  template <class T>
  using text_rows = blip::var<T, Width>;
  template <class T>
  using context = nothing;
  template <class T>
  using decoder_context = nothing;

  template <class T>
  blip::var<T, Width> multimodal(T&, const int*, const blip::sequence_layout&, nothing, blip::source_index) const {
    return blip::var<T, Width>(states);
  }
  template <class T>
  blip::var<T, Width> decode(T&, const int*, const blip::sequence_layout&, nothing, blip::source_index) const {
    return blip::var<T, Width>(states);
  }
  // Matching continues from the states of text alone.
  template <class T>
  blip::var<T, Width> fuse_first(T& t, const blip::var<T, Width>& x, const blip::sequence_layout& layout, nothing,
                                 blip::source_index) const {
    return blip::ops::first_rows(t, x, layout);
  }
  template <class T>
  nothing project(T&, const image_rows<T>&) const {
    return {};
  }
  template <class T>
  nothing project_states(T&, const blip::var<T, Width>&, const blip::sequence_layout&) const {
    return {};
  }
  template <class T>
  blip::scores<T> masked_logits(T&, const blip::var<T, Width>& rows) const {
    return blip::scores<T>(rows.ref());
  }
  template <class T>
  blip::scores<T> decoder_logits(T&, const blip::var<T, Width>& rows) const {
    return blip::scores<T>(rows.ref());
  }
};

}  // namespace blip_test
