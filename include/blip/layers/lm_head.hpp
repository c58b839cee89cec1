// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/layers/layer_norm.hpp"
#include "blip/layers/linear.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

template <int Width>
consteval bool lm_head_rules() {
  static_assert(Width > 0, "blip::lm_head: the width must be positive");
  return Width > 0;
}
template <int Got, int Expected>
consteval bool lm_head_input_is() {
  static_assert(Got == Expected, "blip::lm_head: the input's width is not the head's");
  return Got == Expected;
}

}  // namespace detail

// The head of masked and causal language models:  logits = norm(gelu(W h + b)) words^T + bias.
// h [n, Width]: only the rows asked for; logits [n, V]. `words` [V, Width] is the embedding's table (tied); the head owns
// the transform, its norm and the bias [V]. Source: BERT's prediction head.
template <int Width, class B, bool = detail::lm_head_rules<Width>() && detail::back_end_rules<B>()>
class lm_head {};

template <int Width, backend B>
class lm_head<Width, B, true> {
 public:
  explicit lm_head(int vocabulary, double norm_eps = 1e-12) : norm_(norm_eps), bias_(vocabulary) {}

  template <class T, int K>
  scores<T> forward(T& t, const var<T, K>& h, const parameter& words) const {
    static_assert(same_back_end<T, B>());
    static_assert(detail::lm_head_input_is<K, Width>());
    require_equal("lm_head", "rows of the word table", words.rows(), bias_.cols());
    return ops::affine_scores(t, norm_.of(t, dense_, h, activation::gelu), words, &bias_);
  }

  template <class T, class X>
  scores<T> forward(T&, const X&, const parameter&) const {
    static_assert(accepts<T, X>());
    return {};
  }

  // Two names for the bias, as in the published state dictionaries; the third, decoder.weight, is the word table:
  // whoever owns both gives it with arena_layout::alias.
  template <class Self, class F>
  static void members(Self& self, F&& f) {
    f("bias", self.bias_);
    f("transform.dense", self.dense_);
    f("transform.LayerNorm", self.norm_);
    f("decoder.bias", self.bias_);
  }

 private:
  linear<linear_config{.in = Width, .out = Width}, B> dense_;
  layer_norm<Width, B> norm_;
  parameter bias_;
};

}  // namespace blip::inline BLIP_ABI
