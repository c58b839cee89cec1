// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <type_traits>

#include "blip/layers/linear.hpp"
#include "blip/losses/examples.hpp"
#include "blip/losses/mlm.hpp"
#include "blip/ops/gather_rows.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

template <int Classes, int Pictures>
consteval bool classification_rules() {
  static_assert(Classes > 1, "blip::classification: needs at least two classes");
  static_assert(Pictures == 1 || Pictures == 2, "blip::classification: a text reads one picture or two");
  return Classes > 1 && (Pictures == 1 || Pictures == 2);
}

}  // namespace detail

struct classification_options {
  int first_token = -1;  // in place of every text's first one: BLIP's NLVR2 has [ENC]; -1: as it is (ALBEF)
};

// A class for every text and what it reads:  logits = W_2 relu(W_1 h_first + b_1) + b_2,
//   loss = mean of (1 - alpha) CE + alpha CE against the momentum model's distribution.
// Entailment has 3 classes (contradiction, neutral, entailment), NLVR2 two (false, true) and two pictures to a text: the
// first ones of all texts, then the second ones.
// Source: ALBEF section 4 and 3.2; `model_ve.py`, `model_nlvr.py`, `blip_nlvr.py`.
template <int Classes, teacher Teacher = teacher::none, int Pictures = 1,
          bool = detail::classification_rules<Classes, Pictures>()>
class classification : public stateless_loss {
 public:
  static constexpr std::string_view name = "classification";
  using reads = std::conditional_t<Pictures == 2, need::pairs, need::fusion>;
  using needs = std::conditional_t<Teacher == teacher::momentum,
                                   type_list<need::image_states, reads, need::momentum_fusion>,
                                   type_list<need::image_states, reads>>;

  explicit classification(const classification_options& o = {}) : options_(o) {}

  template <class Towers>
  class head_type {
    static constexpr int W = Towers::text_width;
    using B = typename Towers::backend_type;

   public:
    explicit head_type(const classification&) {}
    template <class T, int K>
    scores<T> forward(T& t, const var<T, K>& rows) const {
      return scores<T>(second_.forward(t, first_.forward(t, rows, activation::relu)).ref());
    }
    template <class Self, class F>
    static void averaged(Self& self, F&& f) {
      f("cls_head.0", self.first_), f("cls_head.2", self.second_);
    }
    template <class Self, class F>
    static void others(Self&, F&&) {}

   private:
    linear<linear_config{.in = W, .out = W}, B> first_;
    linear<linear_config{.in = W, .out = Classes}, B> second_;
  };

  template <class B>
  struct data {
    text_batch<B> texts;
    buffer<B, int> labels;
  };
  // Throws shape_error unless there is a label in [0, Classes) for every text.
  template <class B>
  data<B> prepare(const examples& e, int vocabulary, const example_site&) const {
    require_equal("classification: examples", "labels", std::ssize(e.labels), std::ssize(e.texts));
    for (const int label : e.labels)
      if (label < 0 || label >= Classes)
        throw shape_error({"classification: label", "0 to " + std::to_string(Classes - 1), std::to_string(label), {}});
    return {text_batch<B>(e.texts, vocabulary, options_.first_token), buffer<B, int>(std::span<const int>(e.labels))};
  }

  template <class P, class H, class B = typename P::B>
  static auto logits(P& pass, const H& head, const text_batch<B>& texts) {
    const sequence_layout& layout = texts.layout();
    const auto states = pass.towers.multimodal(pass.tape, texts.ids(), layout, pass.context, nullptr);
    pass.show("states", states);
    return head.forward(pass.tape, ops::gather_rows(pass.tape, states, layout.begins, layout.sequences));
  }

  template <class P, class H, class B = typename P::B>
  var<typename P::tape_type, 1> loss(P& pass, const H& head, const data<B>& d, no_state<B>&) const {
    const auto predicted = logits(pass, head, d.texts);
    pass.show("logits", predicted);
    ops::class_targets<B> targets{.labels = d.labels.data()};
    if constexpr (Teacher == teacher::momentum)
      if (pass.alpha > 0) {
        const auto taught = logits(*pass.momentum, head, d.texts);
        pass.show("momentum.logits", taught);
        targets.teacher = taught.ref(), targets.alpha = pass.alpha;
      }
    return ops::mean_labelled(pass.tape, ops::cross_entropy(pass.tape, predicted, targets));
  }

 private:
  classification_options options_;
};

}  // namespace blip::inline BLIP_ABI
