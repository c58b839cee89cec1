// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/ops/affine.hpp"

namespace blip::inline BLIP_ABI {

struct linear_config {
  int in = 0, out = 0;
  bool bias = true;
};

namespace detail {

template <int In, int Out>
consteval bool linear_rules() {
  static_assert(In > 0 && Out > 0, "blip::linear: set linear_config::in and ::out, both positive");
  return In > 0 && Out > 0;
}
template <int Got, int Expected>
consteval bool linear_input_is() {
  static_assert(Got == Expected, "blip::linear: the input's width is not linear_config::in");
  return Got == Expected;
}

}  // namespace detail

// y = x W^T + b.  x [n, in], y [n, out]; parameters weight [out, in], bias [out].
template <linear_config C, class B, bool = detail::linear_rules<C.in, C.out>() && detail::back_end_rules<B>()>
class linear {};

template <linear_config C, backend B>
class linear<C, B, true> {
 public:
  static constexpr int in = C.in, out = C.out;

  template <class T, int K>
  var<T, C.out> forward(T& t, const var<T, K>& x, activation act = activation::none) const {
    static_assert(same_back_end<T, B>());
    static_assert(detail::linear_input_is<K, C.in>());
    return ops::affine<C.out>(t, x, weight_, C.bias ? &bias_ : nullptr, act);
  }

  template <class T, class X>
  var<T, C.out> forward(T&, const X&, activation = activation::none) const {
    static_assert(accepts<T, X>());
    return {};
  }

  const parameter& weight() const { return weight_; }
  const parameter& bias() const {
    static_assert(C.bias, "blip::linear: there is no bias; set linear_config::bias");
    return bias_;
  }

  template <class Self, class F>
  static void members(Self& self, F&& f) {
    f("weight", self.weight_);
    if constexpr (C.bias) f("bias", self.bias_);
  }

 private:
  parameter weight_{C.out, C.in, true};
  parameter bias_{C.out};
};

}  // namespace blip::inline BLIP_ABI
