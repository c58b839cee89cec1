// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <type_traits>

#include "blip/losses/masked_text.hpp"
#include "blip/losses/mean_of_words.hpp"
#include "blip/losses/stateless.hpp"
#include "blip/losses/tower_pass.hpp"
#include "blip/losses/word_targets.hpp"
#include "blip/ops/cross_entropy.hpp"
#include "blip/ops/gather_rows.hpp"

namespace blip::inline BLIP_ABI {

// Who teaches: labels alone, or a momentum model beside them.
enum class teacher { none, momentum };

// Masked language modelling: the encoder, reading the picture, predicts hidden words.
//   loss = mean over hidden words of (1 - alpha) CE + alpha CE against the momentum model's distribution.
// Only hidden words' rows reach the word head, the momentum model's included. A batch without any has the loss 0.
// Source: ALBEF section 3.1-3.2; `model_pretrain.py`.
template <teacher Teacher = teacher::momentum>
class mlm : public stateless_loss {
 public:
  static constexpr std::string_view name = "mlm";
  using needs = std::conditional_t<Teacher == teacher::momentum,
                                   type_list<need::image_states, need::fusion, need::masked_words, need::momentum_fusion>,
                                   type_list<need::image_states, need::fusion, need::masked_words>>;

  explicit mlm(masking_options o = {}, mean_over mean = mean_over::own_rank) : options_(std::move(o)), mean_(mean) {}

  template <class B>
  struct data {
    text_batch<B> texts;
    word_targets<B> words;
  };
  template <class B>
  data<B> prepare(const examples& e, int vocabulary, const example_site& at) const {
    return prepare<B>(mask_texts(e.texts, vocabulary, options_, at), vocabulary, at.first);
  }
  // Texts that were masked elsewhere; `first` is the number of the first one among those of all ranks.
  template <class B>
  static data<B> prepare(const masked_text& m, int vocabulary, int first = 0) {
    return {text_batch<B>(m.texts, vocabulary, -1, first),
            word_targets<B>::from(m.texts, [&](std::size_t s, std::size_t i) { return m.labels[s][i]; })};
  }

  template <class P, class H, class B = typename P::B>
  var<typename P::tape_type, 1> loss(P& pass, const H&, const data<B>& d, no_state<B>&) const {
    const auto predict = [&d](auto& on) {
      const auto states =
          on.towers.multimodal(on.tape, d.texts.ids(), d.texts.layout(), on.context, nullptr);
      return on.towers.masked_logits(on.tape, ops::gather_rows(on.tape, states, d.words.rows.data(), d.words.count));
    };
    const auto logits = predict(pass);
    pass.show("mlm_logits", logits);
    ops::class_targets<B> targets{.labels = d.words.labels.data()};
    if constexpr (Teacher == teacher::momentum)
      if (pass.alpha > 0) {
        const auto taught = predict(*pass.momentum);
        pass.show("momentum.mlm_logits", taught);
        targets.teacher = taught.ref(), targets.alpha = pass.alpha;
      }
    return mean_of_words(pass, ops::cross_entropy(pass.tape, logits, targets), d.words, mean_);
  }

 private:
  masking_options options_;
  mean_over mean_;
};

}  // namespace blip::inline BLIP_ABI
