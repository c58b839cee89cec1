// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/ops/affine.hpp"

namespace blip::inline BLIP_ABI {

// How a fused projection appears in checkpoints: under one name (timm's qkv), or one per part (BERT).
enum class group_names { fused, query_key_value, key_value };

// `parts` projections of the same input as one product: [y_0 | y_1 | ...] = x W^T + b.
// x [n, in], y [n, parts * out]; one weight [parts * out, in], one bias, named as a whole or by row slices.
template <int In, int Out, int Parts, group_names Names, backend B>
class linear_group {
 public:
  template <class T, int K>
  var<T, Parts * Out> forward(T& t, const var<T, K>& x) const {
    return ops::affine<Parts * Out>(t, x, weight_, &bias_);
  }

  const parameter& weight() const { return weight_; }

  template <class Self, class F>
  static void members(Self& self, F&& f) {
    if constexpr (Names == group_names::fused) {
      f("weight", self.weight_);
      f("bias", self.bias_);
    } else {
      static_assert(Parts == (Names == group_names::query_key_value ? 3 : 2), "blip::linear_group: one name per part");
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
