// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <type_traits>
#include <vector>

#include "blip/losses/examples.hpp"
#include "blip/losses/mlm.hpp"
#include "blip/ops/reduce.hpp"

namespace blip::inline BLIP_ABI {

struct answer_options {
  int question_token = 30523;  // [ENC] in place of a question's first token; -1: as it is (ALBEF)
  int answer_token = 30522;    // [DEC] in place of an answer's first token; -1: as it is (ALBEF)
  double smoothing = 0.1;      // BLIP; ALBEF has none
};

// Questions with lists of weighted answers: the encoder reads question and picture, the decoder reads the encoder's states
// and predicts each answer.   loss = 1 / B sum over questions and answers of weight * sum over the answer's tokens of CE,
// with a momentum teacher mixed in as in mlm. All answers run as one batch; those of one question read the same states.
// Source: ALBEF section 4 (VQA), BLIP section 4.3; `model_vqa.py`, `blip_vqa.py`.
template <teacher Teacher = teacher::none>
class answer_list : public stateless_loss {
 public:
  static constexpr std::string_view name = "vqa";
  using needs = std::conditional_t<
      Teacher == teacher::momentum,
      type_list<need::image_states, need::fusion, need::decoder, need::momentum_fusion, need::averaged_decoder>,
      type_list<need::image_states, need::fusion, need::decoder>>;

  explicit answer_list(const answer_options& o = {}) : options_(o) {}

  template <class B>
  struct data {
    text_batch<B> questions, answers;
    word_targets<B> words;
    buffer<B, int> question_of;                // [answers]
    buffer<B, typename B::scalar> weights;     // [words] of each predicted token, divided by the number of questions
  };
  // Throws shape_error unless there is an answer with a question and a weight.
  template <class B>
  data<B> prepare(const examples& e, int vocabulary, const example_site&) const {
    using S = typename B::scalar;
    require_examples(!e.answers.empty(), "answer_list", "answers");
    require_equal("answer_list: examples", "answers with a question", std::ssize(e.answer_of), std::ssize(e.answers));
    require_equal("answer_list: examples", "answers with a weight", std::ssize(e.answer_weights), std::ssize(e.answers));
    for (const int q : e.answer_of)
      if (q < 0 || q >= std::ssize(e.texts))
        throw shape_error({"answer_list: question of an answer", "0 to " + std::to_string(std::ssize(e.texts) - 1),
                           std::to_string(q), {}});
    std::vector<S> weights;
    for (std::size_t a = 0; a < e.answers.size(); ++a)
      weights.insert(weights.end(), e.answers[a].size() - (e.answers[a].empty() ? 0 : 1),
                     S(e.answer_weights[a] / static_cast<double>(e.texts.size())));
    return {text_batch<B>(e.texts, vocabulary, options_.question_token),
            text_batch<B>(e.answers, vocabulary, options_.answer_token), word_targets<B>::next_words(e.answers),
            buffer<B, int>(std::span<const int>(e.answer_of)), buffer<B, S>(std::span<const S>(weights))};
  }

  template <class P, class H, class B = typename P::B>
  var<typename P::tape_type, 1> loss(P& pass, const H&, const data<B>& d, no_state<B>&) const {
    auto& t = pass.tape;
    const auto predict = [&d](auto& on) {
      const auto question = on.towers.multimodal(on.tape, d.questions.ids(), d.questions.layout(), on.context, nullptr);
      on.show("question_states", question);
      const auto read = on.towers.project_states(on.tape, question, d.questions.layout());
      const auto states =
          on.towers.decode(on.tape, d.answers.ids(), d.answers.layout(), read, d.question_of.data());
      return on.towers.decoder_logits(on.tape, ops::gather_rows(on.tape, states, d.words.rows.data(), d.words.count));
    };
    const auto logits = predict(pass);
    pass.show("answer_logits", logits);
    ops::class_targets<B> targets{.labels = d.words.labels.data(), .smoothing = options_.smoothing};
    if constexpr (Teacher == teacher::momentum)
      if (pass.alpha > 0) targets.teacher = predict(*pass.momentum).ref(), targets.alpha = pass.alpha;
    return ops::weighted_sum(t, ops::cross_entropy(t, logits, targets), {d.weights.data(), d.words.count, 1, 1, nullptr});
  }

 private:
  answer_options options_;
};

}  // namespace blip::inline BLIP_ABI
