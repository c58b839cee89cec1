// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "blip/layers/linear.hpp"
#include "blip/losses/examples.hpp"
#include "blip/losses/needs.hpp"
#include "blip/losses/stateless.hpp"
#include "blip/losses/tower_pass.hpp"
#include "blip/ops/assign_pairs.hpp"
#include "blip/ops/cross_entropy.hpp"
#include "blip/ops/gather_rows.hpp"
#include "blip/ops/hard_negatives.hpp"
#include "blip/ops/l2_normalize.hpp"
#include "blip/ops/reduce.hpp"
#include "blip/ops/scale.hpp"
#include "blip/ops/similarity.hpp"

namespace blip::inline BLIP_ABI {

struct text_assignment_config {
  int width = 256;  // of the features by which similar pictures are found
};
struct text_assignment_options {
  double temperature = 0.07;      // of the similarities; a constant
  const int* pictures = nullptr;  // [2 B] the pairs to use instead of drawn ones, in back-end memory: for tests
};

// Pre-training for two pictures: each text belongs to the first picture it reads, to the second, or to neither.
//   logits = W h_first + b, three classes; cross entropy, mean over the texts.
// A third of the texts read two negative pictures, the others their own and one negative, in either order. Negatives are
// drawn from softmax(v v^T / temperature), v = W_v class row / |.|, the text's own picture excluded; no gradient goes this
// way, so W_v keeps the values it is given. Throws shape_error for fewer than three texts, and for labels that do not fit.
// Source: ALBEF section 5, NLVR2; `model_pretrain_nlvr.py` (its unused text_proj and temp are left out).
template <text_assignment_config C = text_assignment_config{}>
class text_assignment : public stateless_loss {
 public:
  static constexpr std::string_view name = "text_assignment";
  using needs = type_list<need::image_states, need::chosen_pairs>;

  explicit text_assignment(const text_assignment_options& o = {}) : options_(o) {}

  template <class Towers>
  class head_type {
    using B = typename Towers::backend_type;

   public:
    explicit head_type(const text_assignment&) {}
    template <class T, int K>
    scores<T> forward(T& t, const var<T, K>& rows) const {
      return scores<T>(classes_.forward(t, rows).ref());
    }
    template <class T, int K>
    var<T, C.width> feature(T& t, const var<T, K>& rows) const {
      return ops::l2_normalize(t, vision_.forward(t, rows));
    }
    template <class Self, class F>
    static void averaged(Self&, F&&) {}
    template <class Self, class F>
    static void others(Self& self, F&& f) {
      f("vision_proj", self.vision_), f("ta_head", self.classes_);
    }

   private:
    linear<linear_config{.in = Towers::image_width, .out = C.width}, B> vision_;
    linear<linear_config{.in = Towers::text_width, .out = 3}, B> classes_;
  };

  template <class B>
  struct data {
    buffer<B, int> labels;  // [B] 0: the first picture, 1: the second, 2: neither
  };
  // Draws who reads what, unless the examples' labels say it.
  template <class B>
  data<B> prepare(const examples& e, int, const example_site& where) const {
    if (e.texts.size() < 3)
      throw shape_error({"text_assignment: texts", "three or more", std::to_string(e.texts.size()),
                         "two other pictures are drawn for a text"});
    std::vector<int> labels = e.labels;
    if (!labels.empty()) require_equal("text_assignment: examples", "labels", std::ssize(labels), std::ssize(e.texts));
    for (const int label : labels)
      if (label < 0 || label > 2) throw shape_error({"text_assignment: label", "0 to 2", std::to_string(label), {}});
    const random_site at{where.seed, &where.step, 0x41535347u};
    for (std::size_t b = labels.size(); b < e.texts.size(); ++b) {
      const philox_counter words = at.block(static_cast<std::uint32_t>(where.first) + static_cast<std::uint32_t>(b), 0, 0);
      labels.push_back(to_unit(words[0]) <= 1.0f / 3 ? 2 : to_unit(words[1]) > 0.5f ? 0 : 1);
    }
    return {buffer<B, int>(std::span<const int>(labels))};
  }

  template <class P, class H, class B = typename P::B>
  var<typename P::tape_type, 1> loss(P& pass, const H& head, const data<B>& d, no_state<B>&) const {
    auto& t = pass.tape;
    const sequence_layout& layout = pass.texts.layout();
    const int n = layout.sequences;
    const int* pictures = options_.pictures;
    if (!pictures) {
      const auto pause = t.paused();
      const auto v = head.feature(t, ops::gather_rows(t, pass.images.rows, pass.class_rows, n));
      const auto similar = ops::similarity(t, ops::scale(t, v, 1 / options_.temperature), v);
      pass.show("similarities", similar);
      pictures = ops::assign_pairs(t, d.labels.data(), ops::hard_negatives(t, similar, {.draws = 2}), n);
    }
    const auto states = pass.towers.multimodal(t, pass.texts.ids(), layout, pass.context, pictures);
    pass.show("states", states);
    const auto logits = head.forward(t, ops::gather_rows(t, states, layout.begins, n));
    pass.show("logits", logits);
    return ops::mean_labelled(t, ops::cross_entropy(t, logits, d.labels.data()));
  }

 private:
  text_assignment_options options_;
};

}  // namespace blip::inline BLIP_ABI
