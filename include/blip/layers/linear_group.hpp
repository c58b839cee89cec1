// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/ops/affine.hpp"

namespace blip::inline BLIP_ABI {

// How a fused projection appears in checkpoints: under one name (timm's qkv), or one per part (BERT).
enum class group_names { fused, query_key_value, key_value };

namespace detail {

template <int In, int Out, int Parts, group_names Names>
consteval bool linear_group_rules() {
  constexpr int named = Names == group_names::query_key_value ? 3 : Names == group_names::key_value ? 2 : Parts;
  static_assert(In > 0 && Out > 0 && Parts > 0, "blip::linear_group: widths and parts must be positive");
  static_assert(Parts == named, "blip::linear_group: query_key_value names three parts, key_value two");
  return In > 0 && Out > 0 && Parts > 0 && Parts == named;
}
template <int Got, int Expected>
consteval bool linear_group_input_is() {
  static_assert(Got == Expected, "blip::linear_group: the input's width is not the group's");
  return Got == Expected;
}

}  // namespace detail

// `parts` projections of the same input as one product: [y_0 | y_1 | ...] = x W^T + b.
// x [n, in], y [n, parts * out]; one weight [parts * out, in], one bias, named as a whole or by row slices.
template <int In, int Out, int Parts, group_names Names, class B,
          bool = detail::linear_group_rules<In, Out, Parts, Names>() && detail::back_end_rules<B>()>
class linear_group {};

template <int In, int Out, int Parts, group_names Names, backend B>
class linear_group<In, Out, Parts, Names, B, true> {
 public:
  template <class T, int K>
  var<T, Parts * Out> forward(T& t, const var<T, K>& x) const {
    static_assert(same_back_end<T, B>());
    static_assert(detail::linear_group_input_is<K, In>());
    return ops::affine<Parts * Out>(t, x, weight_, &bias_);
  }

  const parameter& weight() const { return weight_; }

  template <class Self, class F>
  static void members(Self& self, F&& f) {
    if constexpr (Names == group_names::fused) {
      f("weight", self.weight_);
      f("bias", self.bias_);
    } else {
      constexpr const char* names[] = {"query", "key", "value"};
      constexpr int first = 3 - Parts;
      for (int i = 0; i < Parts; ++i) {
        const std::string name = names[first + i];
        f(name + ".weight", parameter_rows{self.weight_, i * Out, Out});
        f(name + ".bias", parameter_rows{self.bias_, i * Out, Out});
      }
    }
  }

 private:
  parameter weight_{Parts * Out, In, true};
  parameter bias_{Parts * Out};
};

}  // namespace blip::inline BLIP_ABI
