// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "blip/layers/attention.hpp"
#include "blip/layers/cross_input.hpp"
#include "blip/ops/concat.hpp"
#include "blip/ops/residual.hpp"
#include "blip/ops/scale.hpp"

namespace blip::inline BLIP_ABI {

// Two cross-attentions with parameters of their own, from the same rows to two contexts, made one:
//   y = (read_0(x, a) + read_1(x, b)) / 2,   or with a merging product  y = W [read_0(x, a); read_1(x, b)] + c.
// x, y [n, width]; contexts [m, context]. Source: BLIP's NLVR2 encoder (`nlvr_encoder.py`); names as there, self0 and
// self1, output.dense0 and dense1, output.merge_layer.
template <attention_config C, class B>
class twin_attention {
 public:
  explicit twin_attention(float dropout = 0, bool merge = false) : first_(dropout), second_(dropout) {
    if (merge) merge_.emplace();
  }

  // Keys and values of context rows [m, context] for branch 0 or 1.
  template <class T, int K>
  var<T, 2 * C.width> project(T& t, const var<T, K>& context, int branch) const {
    return (branch == 0 ? first_ : second_).project(t, context);
  }
  template <class T, int K>
  var<T, C.width> read(T& t, const var<T, K>& x, const sequence_layout& layout, const cross_input<T, C.width>& a,
                       const cross_input<T, C.width>& b) const {
    const auto first = first_.read(t, x, layout, a);
    const auto second = second_.read(t, x, layout, b);
    if (merge_) return merge_->forward(t, ops::concat_columns(t, first, second));
    return ops::scale(t, ops::add(t, first, second), 0.5);
  }

  const parameter& output_weight() const { return first_.output_weight(); }

  template <class Self, class F>
  static void members(Self& self, F&& f) {
    const auto numbered = [&f](auto& branch, char number) {
      attention<C, B>::members(branch, [&](std::string_view name, auto& part) {
        std::string text(name);  // self, self.query, output.dense: the number follows the first or the last word
        text.insert(text.starts_with("self") ? 4 : text.size(), 1, number);
        f(text, part);
      });
    };
    numbered(self.first_, '0'), numbered(self.second_, '1');
    if (self.merge_) f(C.names == naming::bert ? "output.merge_layer" : "merge", *self.merge_);
  }

 private:
  attention<C, B> first_, second_;
  std::optional<linear<linear_config{.in = 2 * C.width, .out = C.width}, B>> merge_;
};

}  // namespace blip::inline BLIP_ABI
