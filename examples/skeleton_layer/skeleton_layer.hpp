// SPDX-License-Identifier: Apache-2.0
#pragma once

// A layer to copy: replace `skeleton_layer` by your name everywhere, in file names too, and add
// `blip_add_skeleton(your_name)` to examples/CMakeLists.txt. It only uses other layers and ops, so there is no gradient
// to write. This one is an adapter: a narrow MLP whose result is added to its input.
#include "blip/layers/linear.hpp"
#include "blip/ops/residual.hpp"

namespace blip_examples {

// What is in the type: what other layers must fit to, and what changes which parameters there are.
struct skeleton_layer_config {
  int width = 0, bottleneck = 0;
};

namespace detail {

// The rules, each with a sentence. They hold before any member is instantiated.
template <int Width, int Bottleneck>
consteval bool skeleton_layer_rules() {
  static_assert(Width > 0, "skeleton_layer: set skeleton_layer_config::width, positive");
  static_assert(Bottleneck > 0, "skeleton_layer: set skeleton_layer_config::bottleneck, positive");
  return Width > 0 && Bottleneck > 0;
}

}  // namespace detail

// y = x + dropout(W_up gelu(W_down x + b_down) + b_up).  x, y [n, width].
// Parameters down.weight [bottleneck, width], down.bias, up.weight [width, bottleneck], up.bias.
// Source: Houlsby et al., "Parameter-efficient transfer learning for NLP", 2019.
template <skeleton_layer_config C, class B, bool = detail::skeleton_layer_rules<C.width, C.bottleneck>()>
class skeleton_layer {};

template <skeleton_layer_config C, class B>
class skeleton_layer<C, B, true> {
 public:
  // What may differ between two layers of one type is an argument.
  explicit skeleton_layer(float dropout = 0) : dropout_(dropout) {}

  template <class T, int K>
  blip::var<T, C.width> forward(T& t, const blip::var<T, K>& x, const blip::sequence_layout& layout) const {
    static_assert(blip::same_back_end<T, B>());
    const auto narrow = down_.forward(t, x, blip::activation::gelu);
    return blip::ops::residual(t, x, up_.forward(t, narrow), layout, t.dropout(dropout_, up_.weight()));
  }

  // Names as checkpoints have them.
  template <class Self, class F>
  static void members(Self& self, F&& f) {
    f("down", self.down_);
    f("up", self.up_);
  }

 private:
  float dropout_;
  blip::linear<blip::linear_config{.in = C.width, .out = C.bottleneck}, B> down_;
  blip::linear<blip::linear_config{.in = C.bottleneck, .out = C.width}, B> up_;
};

}  // namespace blip_examples
