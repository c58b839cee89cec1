// SPDX-License-Identifier: Apache-2.0
//
// Three ways to learn from plain text with the same blocks:
//   masked      (BERT)    hide words, predict them from both sides
//   causal      (GPT)     predict each next word from what came before
//   seq2seq     (T5)      an encoder reads one text, a decoder writes another
// The language: "a b c d" with words 10-17; b = a + 1, d = c + 1 (around the corner), a and c free. Both pairs are tied to
// each other as well: c = a or c = a + 2, so nothing tells c for sure. The target of seq2seq is the sentence backwards.
#include <cstdio>
#include <string>
#include <vector>

#include "blip/backend/cpu.hpp"
#include "blip/blip.hpp"
#include "blip/losses/word_targets.hpp"

using namespace blip;

namespace {

constexpr int first_word = 10, lexicon = 8, all_words = first_word + lexicon, begin_id = 1, mask_id = 2, batch = 32;
constexpr text_config plain{.width = 32, .heads = 4, .hidden = 64};
constexpr text_config reader{.width = 32, .heads = 4, .hidden = 64, .context = 32, .cross = cross_schedule::all};
const text_options two_layers{.layers = 2, .embedding = {.vocabulary = all_words, .positions = 8}};

struct language_learner {
  text_transformer<plain, cpu> encoder{two_layers};
  text_transformer<reader, cpu> decoder{two_layers};
  lm_head<32, cpu> head{all_words};
  template <class Self, class F>
  static void members(Self& self, F&& f) {
    f("encoder", self.encoder), f("decoder", self.decoder), f("head", self.head);
  }
};

using batch_of_texts = std::vector<std::vector<int>>;
batch_of_texts sentences(std::uint64_t step) {
  batch_of_texts out;
  for (std::uint32_t b = 0; b < batch; ++b) {
    const auto r = random_site{7, &step, 0}.block(b, 0, 0);
    const auto word = [](std::uint32_t w) { return first_word + static_cast<int>(w % lexicon); };
    const std::uint32_t a = r[0] % lexicon, c = a + (r[1] % 2) * 2;
    out.push_back({begin_id, word(a), word(a + 1), word(c), word(c + 1)});
  }
  return out;
}

enum class way { masked, causal, seq2seq };

// Trains one way, then prints how often each position of unseen sentences is predicted rightly.
std::vector<double> learn(way how, const char* name) {
  owned<language_learner, cpu> model(3);
  device<cpu> dev;
  adamw<cpu> optimiser(model.values().layout());
  std::vector<double> right(5, 0), asked(5, 0);
  for (std::uint64_t step = 0; step < 420; ++step) {
    const bool test = step >= 400;
    batch_of_texts input = sentences(test ? step + 1000000 : step), target = input;
    word_targets<cpu> predicted;
    if (how == way::masked) {
      const std::size_t hidden = 1 + step % 4;
      for (auto& t : input) t[hidden] = mask_id;
      predicted = word_targets<cpu>::from(input, [&](std::size_t s, std::size_t i) { return i == hidden ? target[s][i] : -1; });
    } else {
      if (how == way::seq2seq)
        for (auto& t : target) std::reverse(t.begin() + 1, t.end());
      predicted = word_targets<cpu>::next_words(target);
    }
    auto t = model.recording(dev);
    const text_batch<cpu> read(input, all_words), written(target, all_words);
    const auto states = [&] {
      if (how != way::seq2seq) return model->encoder.text(t, read.ids(), read.layout(), how == way::causal);
      const auto source = model->encoder.text(t, read.ids(), read.layout());
      return model->decoder.multimodal(t, written.ids(), written.layout(),
                                       model->decoder.project(t, source, read.layout()), nullptr, true);
    }();
    const auto rows = ops::gather_rows(t, states, predicted.rows.data(), predicted.count);
    const auto logits = model->head.forward(t, rows, model->encoder.words());
    if (!test) {
      model.gradients().clear();
      t.backward(ops::mean_labelled(t, ops::cross_entropy(t, logits, predicted.labels.data())));
      optimiser.step(dev, model.values(), model.gradients(), 3e-3);
      continue;
    }
    const auto scores = to_host(logits);
    const auto at = predicted.rows.to_host(), label = predicted.labels.to_host();
    for (std::size_t i = 0; i < at.size(); ++i) {
      const auto from = scores.begin() + static_cast<std::ptrdiff_t>(i) * all_words;
      const auto where = static_cast<std::size_t>(at[i] % 5 + (how == way::masked ? 0 : 1));
      ++asked[where], right[where] += std::max_element(from, from + all_words) - from == label[i];
    }
  }
  std::printf("%-8s", name);
  for (std::size_t i = 1; i < 5; ++i) std::printf("  %4.2f", right[i] /= asked[i]);
  std::printf("\n");
  return right;
}

}  // namespace

int main() {
  std::printf("share of words predicted rightly, by position\n          1st   2nd   3rd   4th\n");
  const auto masked = learn(way::masked, "masked"), causal = learn(way::causal, "causal"), both = learn(way::seq2seq, "seq2seq");
  std::printf("masked sees both sides: each word follows from its neighbour.\ncausal cannot know a sentence's first word, and "
              "guesses the third between two.\nseq2seq has read everything before it writes.\n");
  const bool as_told = masked[1] > 0.9 && masked[4] > 0.9 && causal[1] < 0.4 && causal[2] > 0.9 && causal[3] < 0.8 &&
                       causal[4] > 0.9 && both[1] > 0.9 && both[3] > 0.9;
  return as_told ? 0 : 1;
}
