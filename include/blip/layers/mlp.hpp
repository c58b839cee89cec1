// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/layers/linear.hpp"

namespace blip::inline BLIP_ABI {

// Which names a layer's parts have in checkpoints.
enum class naming { timm, bert };

struct mlp_config {
  int width = 0, hidden = 0;
  naming names = naming::timm;
};

namespace detail {

template <mlp_config C>
consteval bool mlp_rules() {
  static_assert(C.width > 0 && C.hidden > 0, "blip::mlp: set mlp_config::width and ::hidden");
  return C.width > 0 && C.hidden > 0;
}

}  // namespace detail

// y = W_2 gelu(W_1 x + b_1) + b_2 with the exact GELU.  x, y [n, width]; parameters W_1 [hidden, width], W_2 [width, hidden].
template <mlp_config C, backend B, bool = detail::mlp_rules<C>()>
class mlp {};

template <mlp_config C, backend B>
class mlp<C, B, true> {
 public:
  template <class T, int K>
  var<T, C.width> forward(T& t, const var<T, K>& x) const {
    return second_.forward(t, first_.forward(t, x, activation::gelu));
  }

  const parameter& output_weight() const { return second_.weight(); }

  template <class Self, class F>
  static void members(Self& self, F&& f) {
    f(C.names == naming::timm ? "fc1" : "intermediate.dense", self.first_);
    f(C.names == naming::timm ? "fc2" : "output.dense", self.second_);
  }

 private:
  linear<linear_config{.in = C.width, .out = C.hidden}, B> first_;
  linear<linear_config{.in = C.hidden, .out = C.width}, B> second_;
};

}  // namespace blip::inline BLIP_ABI
