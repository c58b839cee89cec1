// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/config/text.hpp"
#include "blip/layers/layer_norm.hpp"
#include "blip/ops/embed.hpp"
#include "blip/ops/residual.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

template <int Width>
consteval bool embedding_rules() {
  static_assert(Width > 0, "blip::embedding: the width must be positive");
  return Width > 0;
}

}  // namespace detail

// BERT's input:  x = dropout(norm(word[id] + position[i] + type[0])).  ids [n] in back-end memory, x [n, Width].
template <int Width, class B, bool = detail::embedding_rules<Width>() && detail::back_end_rules<B>()>
class embedding {};

template <int Width, backend B>
class embedding<Width, B, true> {
 public:
  explicit embedding(const embedding_options& o)
      : options_(o),
        words_(o.vocabulary, Width),
        positions_(o.positions, Width),
        types_(o.token_types, Width),
        norm_(o.norm_eps) {
    if (o.vocabulary < 1 || o.positions < 1)
      throw config_error({"embedding: vocabulary and positions", "at least 1 each",
                          std::to_string(o.vocabulary) + " and " + std::to_string(o.positions),
                          "set embedding_options::vocabulary and ::positions"});
  }

  template <class T>
  var<T, Width> forward(T& t, const int* ids, const sequence_layout& layout) const {
    static_assert(same_back_end<T, B>());
    if (layout.longest > options_.positions)
      throw shape_error({"embedding: a sequence is longer than the position table", std::to_string(options_.positions),
                         std::to_string(layout.longest), "cut the text, or set embedding_options::positions"});
    const auto x = ops::embed<Width>(
        t, ids, layout, {&words_, &positions_, options_.token_types > 0 ? &types_ : nullptr, options_.padding});
    return ops::dropout(t, norm_.forward(t, x), layout, t.dropout(options_.dropout, words_));
  }

  int vocabulary() const { return options_.vocabulary; }
  const parameter& words() const { return words_; }
  parameter& words() { return words_; }

  template <class Self, class F>
  static void members(Self& self, F&& f) {
    f("word_embeddings.weight", self.words_);
    f("position_embeddings.weight", self.positions_);
    if (self.options_.token_types > 0) f("token_type_embeddings.weight", self.types_);
    f("LayerNorm", self.norm_);
  }

 private:
  embedding_options options_;
  parameter words_, positions_, types_;
  layer_norm<Width, B> norm_;
};

}  // namespace blip::inline BLIP_ABI
