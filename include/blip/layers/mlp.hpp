// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/layers/linear.hpp"
#include "blip/ops/by_rows.hpp"
#include "blip/ops/feed_forward.hpp"

namespace blip::inline BLIP_ABI {

// Which names a layer's parts have in checkpoints.
enum class naming { timm, bert };

struct mlp_config {
  int width = 0, hidden = 0;
  naming names = naming::timm;
};

namespace detail {

template <int Width, int Hidden>
consteval bool mlp_rules() {
  static_assert(Width > 0 && Hidden > 0, "blip::mlp: set mlp_config::width and ::hidden, both positive");
  return Width > 0 && Hidden > 0;
}
template <int Got, int Expected>
consteval bool mlp_input_is() {
  static_assert(Got == Expected, "blip::mlp: the input's width is not mlp_config::width");
  return Got == Expected;
}

}  // namespace detail

// y = W_2 gelu(W_1 x + b_1) + b_2 with the exact GELU.  x, y [n, width]; parameters W_1 [hidden, width], W_2 [width, hidden].
template <mlp_config C, class B, bool = detail::mlp_rules<C.width, C.hidden>() && detail::back_end_rules<B>()>
class mlp {};

template <mlp_config C, backend B>
class mlp<C, B, true> {
 public:
  template <class T, int K>
  var<T, C.width> forward(T& t, const var<T, K>& x) const {
    static_assert(same_back_end<T, B>());
    static_assert(detail::mlp_input_is<K, C.width>());
    return ops::by_rows(t, x, [this](T& on, const var<T, K>& rows) {
      return ops::feed_forward<C.width>(
          on, rows, {first_.weight(), first_.bias(), second_.weight(), second_.bias()}, activation::gelu);
    });
  }

  template <class T, class X>
  var<T, C.width> forward(T&, const X&) const {
    static_assert(accepts<T, X>());
    return {};
  }

  // gelu(W_1 x + b_1), [n, hidden], and the product that makes y of it: for those who go on with that.
  template <class T, int K>
  var<T, C.hidden> hidden(T& t, const var<T, K>& x) const {
    static_assert(same_back_end<T, B>());
    static_assert(detail::mlp_input_is<K, C.width>());
    return first_.forward(t, x, activation::gelu);
  }
  const linear<linear_config{.in = C.hidden, .out = C.width}, B>& output() const { return second_; }

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
