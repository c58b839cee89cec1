// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/layers/linear.hpp"
#include "blip/ops/affine_norm.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

template <int Width>
consteval bool layer_norm_rules() {
  static_assert(Width > 0, "blip::layer_norm: the width must be positive");
  return Width > 0;
}
template <int Got, int Expected>
consteval bool layer_norm_input_is() {
  static_assert(Got == Expected, "blip::layer_norm: the input's width is not the layer's");
  return Got == Expected;
}

}  // namespace detail

// y = weight (x - mean) / sqrt(variance + eps) + bias, row by row.  x, y [n, Width]; parameters weight, bias [Width].
// eps: 1e-6 in the published ViT, 1e-12 in BERT, 1e-5 in the vision towers of transformers.
template <int Width, class B, bool = detail::layer_norm_rules<Width>() && detail::back_end_rules<B>()>
class layer_norm {};

template <int Width, backend B>
class layer_norm<Width, B, true> {
 public:
  explicit layer_norm(double eps = 1e-6) : eps_(eps) {}

  template <class T, int K>
  var<T, Width> forward(T& t, const var<T, K>& x) const {
    static_assert(same_back_end<T, B>());
    static_assert(detail::layer_norm_input_is<K, Width>());
    return ops::layer_norm(t, x, weight_, bias_, eps_);
  }
  template <class T, class X>
  var<T, Width> forward(T&, const X&) const {
    static_assert(accepts<T, X>());
    return {};
  }

  // The norm of what a product gives, act(l(h)), or of its sum with a residual, x + l(h): one call of the back end where
  // it has one.  h [n, in], x [n, Width].
  template <class T, int K, linear_config C>
  var<T, Width> of(T& t, const linear<C, B>& l, const var<T, K>& h, activation act) const {
    return of(t, l, h, act, tensor<B>());
  }
  template <class T, int K, linear_config C>
  var<T, Width> of_sum(T& t, const var<T, Width>& x, const linear<C, B>& l, const var<T, K>& h) const {
    return of(t, l, h, activation::none, x.ref());
  }

  template <class Self, class F>
  static void members(Self& self, F&& f) {
    f("weight", self.weight_);
    f("bias", self.bias_);
  }

 private:
  template <class T, int K, linear_config C>
  var<T, Width> of(T& t, const linear<C, B>& l, const var<T, K>& h, activation act, const tensor<B>& x) const {
    static_assert(same_back_end<T, B>());
    static_assert(detail::layer_norm_input_is<C.out, Width>());
    static_assert(detail::linear_input_is<K, C.in>());
    const parameter* bias = nullptr;
    if constexpr (C.bias) bias = &l.bias();
    return var<T, Width>(ops::affine_norm(t, h.ref(), l.weight(), bias, act, x, weight_, bias_, eps_));
  }

  double eps_;
  parameter weight_{Width, initial::ones};
  parameter bias_{Width};
};

}  // namespace blip::inline BLIP_ABI
