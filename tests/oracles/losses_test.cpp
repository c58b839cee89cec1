// SPDX-License-Identifier: Apache-2.0
//
// What losses must be, whatever the weights: on towers whose states are given and whose logits are these states.
#include <cmath>
#include <functional>

#include "blip/backend/reference.hpp"
#include "blip/layers/owned.hpp"
#include "blip/losses/answer_list.hpp"
#include "blip/losses/itm.hpp"
#include "blip/losses/lm.hpp"
#include "blip/losses/mlm.hpp"
#include "oracles/given_towers.hpp"
#include "support/catch.hpp"

using namespace blip;
using namespace blip_test;

namespace {

constexpr int classes = 11;
using B = reference<double>;
using towers = given_towers<B, classes>;
using tape_type = recording_tape<B>;

// The parameters of a loss's head, if it has any.
template <class Loss>
struct head_of {
  typename Loss::template head_type<towers> head;
  template <class Self, class F>
  static void members(Self& s, F&& f) {
    using head_type = typename Loss::template head_type<towers>;
    head_type::averaged(s.head, f), head_type::others(s.head, f);
  }
};

struct loss_and_slope {
  double loss;
  numbers slope;  // [rows, classes] of the loss by the states
};

std::vector<std::vector<int>> texts_of(std::initializer_list<int> lengths) {
  std::vector<std::vector<int>> texts;
  int word = 3;
  for (const int n : lengths) {
    std::vector<int> text{1};
    while (static_cast<int>(text.size()) < n) text.push_back(2 + (word += 5) % (classes - 2));
    texts.push_back(text);
  }
  return texts;
}

// Value and gradient of `loss` when the towers give `states`; `head` may set the head's parameters.
template <class Loss>
loss_and_slope run(const Loss& loss, const typename Loss::template data<B>& data, const std::vector<std::vector<int>>& texts,
            const numbers& states, double alpha = 0, const std::function<void(arena<B>&)>& head = {}) {
  owned<head_of<Loss>, B> parts(1, head_of<Loss>{typename Loss::template head_type<towers>(loss)});
  if (head) head(parts.values());
  device<B> dev;
  single_process<B> alone;
  const text_batch<B> batch(texts, classes);
  auto t = parts.recording(dev);
  inference_tape<B> momentum_tape(dev, parts.values());
  const int rows = static_cast<int>(states.size()) / classes;
  towers given;
  given.states = t.input({states.data(), rows, classes, classes, nullptr}, true);
  const auto ignore = [](std::string_view, const matrix_view<const double>&) {};
  tower_pass<inference_tape<B>, towers> momentum{momentum_tape, given, batch, nullptr, alone, ignore, alpha};
  tower_pass<tape_type, towers> pass{t, given, batch, nullptr, alone, ignore, alpha};
  pass.text_states = var<tape_type, classes>(given.states);
  pass.momentum = &momentum;
  typename Loss::template state<B> state = loss.template make_state<B>(1);
  const auto y = loss.loss(pass, parts->head, data, state);
  const double value = to_host(y)[0];
  t.backward(y);
  const auto g = t.gradient_of(var<tape_type, classes>(given.states));
  return {value, g.data ? to_host<B>(g) : numbers{}};
}

double log_sum(const numbers& states, int row) {
  double sum = 0;
  for (int c = 0; c < classes; ++c) sum += std::exp(at(states, row * classes + c));
  return std::log(sum);
}
double logit(const numbers& states, int row, int c) { return at(states, row * classes + c); }

}  // namespace

TEST_CASE("itm: a head of zeros loses ln 2, labels are B ones and 2 B zeros, a bias is weighed by them (O14)",
          "[oracles]") {
  const auto texts = texts_of({3, 5, 4, 2});
  const numbers states = random_numbers(14 * classes, 3);
  const buffer<B, int> image(std::vector<int>{1, 0, 3, 2}), text(std::vector<int>{2, 3, 0, 1});
  itm<given_negatives> loss({.first_token = -1}, {{image.data(), text.data()}});
  const auto data = loss.template prepare<B>({.texts = texts}, classes, {});
  CHECK(data.labels.to_host() == std::vector<int>{1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0});
  const auto with_bias = [](double matched) {
    return [matched](arena<B>& values) {
      values.write<double>("itm_head.weight", numbers(2 * classes, 0.0));
      values.write<double>("itm_head.bias", numbers{0, matched});
    };
  };
  CHECK(run(loss, data, texts, states, 0, with_bias(0)).loss == Approx(std::log(2)).epsilon(1e-14));
  const double b = 0.7;
  CHECK(run(loss, data, texts, states, 0, with_bias(b)).loss ==
        Approx((std::log1p(std::exp(-b)) + 2 * std::log1p(std::exp(b))) / 3).epsilon(1e-14));
}

TEST_CASE("masking: 15 % are chosen, of these 80 % hidden and 10 % replaced by any word; never padding or [CLS] (O15)",
          "[oracles]") {
  constexpr int words = 1000, batch = 200, length = 24, steps = 60;
  const masking_options options{};
  double candidates = 0, chosen = 0, hidden = 0, kept = 0, replaced = 0, mean = 0;
  for (int step = 0; step < steps; ++step) {
    std::vector<std::vector<int>> texts;
    for (int b = 0; b < batch; ++b) {
      std::vector<int> text{101};
      while (static_cast<int>(text.size()) < length)
        text.push_back(200 + (step * 31 + b * 17 + static_cast<int>(text.size()) * 7) % 800);
      text[5] = 0;
      texts.push_back(text);
    }
    const masked_text m = mask_texts(texts, words, options, {.seed = 3, .step = static_cast<std::uint64_t>(step)});
    for (std::size_t b = 0; b < texts.size(); ++b)
      for (std::size_t i = 0; i < texts[b].size(); ++i) {
        const int was = texts[b][i], is = m.texts[b][i], label = m.labels[b][i];
        if (was == 0 || was == 101) {
          REQUIRE((is == was && label < 0));
          continue;
        }
        ++candidates;
        if (label < 0) {
          REQUIRE(is == was);
          continue;
        }
        REQUIRE(label == was);
        ++chosen;
        if (is == options.mask)
          ++hidden;
        else if (is == was)
          ++kept;
        else
          ++replaced, mean += is;
      }
  }
  // Within 5 standard deviations of a binomial distribution.
  const auto follows = [](double found, double of, double share) {
    return std::abs(found - of * share) < 5 * std::sqrt(of * share * (1 - share));
  };
  CHECK(follows(chosen, candidates, 0.15));
  CHECK(follows(hidden, chosen, 0.8 + 0.1 / words));
  CHECK(follows(kept, chosen, 0.1 + 0.1 / words));
  CHECK(follows(replaced, chosen, 0.1 - 0.2 / words));
  CHECK(std::abs(mean / replaced - (words - 1) / 2.0) <
        5 * words / std::sqrt(12 * replaced));  // special words included
}

TEST_CASE("mlm: a student that is its own teacher has no gradient when alpha is 1 (O16)", "[oracles]") {
  const auto texts = texts_of({5, 4});
  const numbers states = random_numbers(9 * classes, 5, -3, 3);
  const mlm<teacher::momentum> loss;
  const auto data = mlm<teacher::momentum>::prepare<B>({texts, {{-1, 4, -1, 9, 2}, {-1, -1, 7, -1}}}, classes);
  const loss_and_slope taught = run(loss, data, texts, states, 1), half = run(loss, data, texts, states, 0.5),
                plain = run(loss, data, texts, states, 0);
  CHECK(largest(taught.slope) < 1e-16);
  CHECK(largest(plain.slope) > 0.1);
  for (std::size_t i = 0; i < plain.slope.size(); ++i)
    CHECK(half.slope[i] == Approx(0.5 * plain.slope[i]).margin(1e-16));  // the teacher's half is 0
}

TEST_CASE("lm: equal logits lose ln V under any smoothing (O17)", "[oracles]") {
  const auto texts = texts_of({5, 2, 7});
  for (const double smoothing : {0.0, 0.1, 0.5, 1.0})
    for (const double level : {0.0, -2.5}) {
      const lm loss({.first_token = 10, .smoothing = smoothing});
      const auto data = loss.prepare<B>({.texts = texts}, classes, {});
      CHECK(run(loss, data, texts, numbers(14 * classes, level)).loss == Approx(std::log(classes)).epsilon(1e-14));
    }
}

TEST_CASE("lm: nothing is learnt from predicting a prompt, and from its last token on everything is (O18)",
          "[oracles]") {
  const auto texts = texts_of({7, 6});
  const numbers states = random_numbers(13 * classes, 7);
  const lm loss({.first_token = 10, .prompt = 4});
  const auto data = loss.prepare<B>({.texts = texts}, classes, {});
  const numbers slope = run(loss, data, texts, states).slope;
  for (const int first : {0, 7})
    for (int i = 0; i < (first == 0 ? 7 : 6); ++i) {
      const double most = largest(rows_of(slope, classes, first + i, 1));
      const bool predicts = i >= 3 && i + 1 < (first == 0 ? 7 : 6);  // the last token has nothing after it
      INFO("row " << first + i);
      CHECK((predicts ? most > 1e-3 : most == 0));
    }
}

TEST_CASE("lm: smoothing mixes in the mean over the words, both averaged over the predicted tokens (O19)",
          "[oracles]") {
  const auto texts = texts_of({5, 2, 4});
  const numbers states = random_numbers(11 * classes, 9, -2, 2);
  for (const double smoothing : {0.0, 0.1, 0.3}) {
    const lm loss({.first_token = 10, .smoothing = smoothing});
    const auto data = loss.prepare<B>({.texts = texts}, classes, {});
    double sum = 0;
    int predicted = 0, row = 0;
    for (const auto& text : texts)
      for (std::size_t i = 0; i < text.size(); ++i, ++row) {
        if (i + 1 == text.size()) continue;
        double all = 0;
        for (int c = 0; c < classes; ++c) all += log_sum(states, row) - logit(states, row, c);
        sum += (1 - smoothing) * (log_sum(states, row) - logit(states, row, text[i + 1])) + smoothing * all / classes;
        ++predicted;
      }
    CHECK(run(loss, data, texts, states).loss == Approx(sum / predicted).epsilon(1e-13));
  }
}

TEST_CASE("vqa: with one answer of weight 1 each, the loss is the mean over questions of summed token losses (O20)",
          "[oracles]") {
  const auto questions = texts_of({4, 3, 5}), answers = texts_of({3, 5, 2});
  const numbers states = random_numbers(10 * classes, 11, -2, 2);
  const answer_list<> loss({.question_token = -1, .answer_token = -1, .smoothing = 0});
  const auto data = loss.prepare<B>(
      {.texts = questions, .answers = answers, .answer_of = {0, 1, 2}, .answer_weights = {1, 1, 1}}, classes, {});
  double sum = 0;
  int row = 0;
  for (const auto& answer : answers)
    for (std::size_t i = 0; i < answer.size(); ++i, ++row)
      if (i + 1 < answer.size()) sum += log_sum(states, row) - logit(states, row, answer[i + 1]);
  CHECK(run(loss, data, questions, states).loss == Approx(sum / 3).epsilon(1e-13));
}
