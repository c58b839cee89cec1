// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "blip/losses/examples.hpp"
#include "blip/losses/mean_of_words.hpp"
#include "blip/losses/stateless.hpp"
#include "blip/losses/tower_pass.hpp"
#include "blip/losses/word_targets.hpp"
#include "blip/ops/cross_entropy.hpp"
#include "blip/ops/gather_rows.hpp"

namespace blip::inline BLIP_ABI {

struct lm_options {
  int first_token = 30522;  // [DEC] in place of every text's first one; -1: as it is
  double smoothing = 0.1;
  int prompt = 0;  // tokens of a prompt, the first one included: nobody learns to predict them ("a picture of": 4)
  mean_over mean = mean_over::own_rank;
};

// Language modelling: the decoder, reading the picture, predicts each next token.
//   loss = mean over predicted tokens of the label-smoothed cross entropy.
// Rows that predict nothing (the last of a text, those of the prompt) never reach the word head.
// Source: BLIP section 3.2; `med.py`, `blip.py`.
class lm : public stateless_loss {
 public:
  static constexpr std::string_view name = "lm";
  using needs = type_list<need::image_states, need::decoder>;

  explicit lm(const lm_options& o = {}) : options_(o) {}

  template <class B>
  struct data {
    text_batch<B> texts;
    word_targets<B> words;
  };
  template <class B>
  data<B> prepare(const examples& e, int vocabulary, const example_site& at) const {
    return {text_batch<B>(e.texts, vocabulary, options_.first_token, at.first),
            word_targets<B>::next_words(e.texts, options_.prompt)};
  }

  template <class P, class H, class B = typename P::B>
  var<typename P::tape_type, 1> loss(P& pass, const H&, const data<B>& d, no_state<B>&) const {
    auto& t = pass.tape;
    const auto states =
        pass.towers.decode(t, d.texts.ids(), d.texts.layout(), pass.decoder_context, nullptr);
    const auto logits = pass.towers.decoder_logits(t, ops::gather_rows(t, states, d.words.rows.data(), d.words.count));
    pass.show("lm_logits", logits);
    return mean_of_words(pass, ops::cross_entropy(t, logits, d.words.labels.data(), options_.smoothing), d.words,
                         options_.mean);
  }

 private:
  lm_options options_;
};

}  // namespace blip::inline BLIP_ABI
