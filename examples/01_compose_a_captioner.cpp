// SPDX-License-Identifier: Apache-2.0
//
// Composes a captioner from two towers, trains it for a minute on pictures that this program draws, and lets it describe
// pictures it has never seen. Everything below is the library's public interface; nothing is downloaded.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "blip/backend/cpu.hpp"
#include "blip/blip.hpp"
#include "shapes.hpp"

namespace {

using namespace blip;
using B = cpu;

// A vision tower, a causal text tower that looks at it, a head tied to the word table. Widths are part of the types:
// a text tower with another context width would not compile.
struct captioner {
  vit<vit_config{.width = 96, .heads = 6, .hidden = 192, .patch = 8}, B> vision{
      {.depth = 3, .image_height = shapes::side, .image_width = shapes::side}};
  text_transformer<text_config{.width = 96, .heads = 6, .hidden = 192, .context = 96, .cross = cross_schedule::all}, B> text{
      {.layers = 2, .embedding = {.vocabulary = shapes::words(), .positions = 16}}};
  lm_head<96, B> head{shapes::words()};

  // Mean cross entropy of every next word. Labels are the words one further on; -1 where a caption ends.
  template <class T>
  var<T, 1> loss(T& t, const images<T>& pixels, const text_batch<B>& captions, const int* labels) const {
    const auto context = text.project(t, vision.forward(t, pixels), vision.layout(pixels));
    const auto states = text.multimodal(t, captions.ids(), captions.layout(), context, nullptr, /*causal=*/true);
    return ops::mean_labelled(t, ops::cross_entropy(t, head.forward(t, states, text.words()), labels), labels);
  }

  template <class Self, class F>
  static void members(Self& self, F&& f) {
    f("visual_encoder", self.vision);
    f("text_decoder.bert", self.text);
    f("text_decoder.cls.predictions", self.head);
  }
};

template <class T>
images<T> to_images(T& t, const buffer<B, float>& pixels, int batch) {
  constexpr int values = 3 * shapes::side * shapes::side;
  return {t.input({pixels.data(), batch, values, values, nullptr}), 3, shapes::side, shapes::side};
}

// Greedy captions: the image is projected once, the words grow one by one.
std::vector<std::vector<int>> describe(const owned<captioner, B>& model, device<B>& dev, const buffer<B, float>& pixels,
                                       int batch) {
  auto t = model.inference(dev);
  const auto pictures = to_images(t, pixels, batch);
  const auto context = model->text.project(t, model->vision.forward(t, pictures), model->vision.layout(pictures));
  std::vector<std::vector<int>> captions(static_cast<std::size_t>(batch), {shapes::begin_word});
  for (int step = 0; step < 12; ++step) {
    const text_batch<B> sofar(captions, shapes::words());
    const auto states = model->text.multimodal(t, sofar.ids(), sofar.layout(), context, nullptr, true);
    std::vector<int> last;
    for (int i = 0; i < batch; ++i) last.push_back((i + 1) * (step + 1) - 1);
    const buffer<B, int> rows{std::span<const int>(last)};
    const auto logits = to_host(model->head.forward(t, ops::gather_rows(t, states, rows.data(), batch), model->text.words()));
    for (std::size_t i = 0; i < captions.size(); ++i) {
      const auto first = logits.begin() + static_cast<std::ptrdiff_t>(i) * shapes::words();
      captions[i].push_back(static_cast<int>(std::max_element(first, first + shapes::words()) - first));
    }
  }
  return captions;
}

}  // namespace

int main(int argc, char** argv) {
  const int steps = argc > 1 ? std::atoi(argv[1]) : 1200, batch = 32;
  owned<captioner, B> model(/*seed=*/1);
  device<B> dev;
  adamw<B> optimiser(model.values().layout());
  std::printf("%lld parameters, %d steps of %d drawn pictures\n",
              static_cast<long long>(model.values().layout()->parameters()), steps, batch);

  const auto start = std::chrono::steady_clock::now();
  double mean = 0;
  for (int step = 0; step < steps; ++step) {
    const shapes::examples data(batch, static_cast<std::uint64_t>(step) + 1);
    const buffer<B, float> pixels{std::span<const float>(data.pixels)};
    const buffer<B, int> labels{std::span<const int>(data.labels)};
    const text_batch<B> captions(data.captions, shapes::words());

    auto t = model.recording(dev);
    const auto loss = model->loss(t, to_images(t, pixels, batch), captions, labels.data());
    model.gradients().clear();
    t.backward(loss);
    const double progress = static_cast<double>(step) / steps;
    optimiser.step(dev, model.values(), model.gradients(), 1.5e-3 * std::min(1.0, step / 50.0) * (1 - progress));

    mean += to_host(loss)[0];
    if ((step + 1) % std::max(steps / 6, 1) == 0) {
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
      std::printf("step %5d  loss %.3f  %4.0f pictures/s\n", step + 1, mean / std::max(steps / 6, 1),
                  (step + 1) * batch / seconds.count());
      mean = 0;
    }
  }

  const shapes::examples unseen(200, 0);  // seed 0 was never trained on
  const auto captions = describe(model, dev, buffer<B, float>(std::span<const float>(unseen.pixels)), 200);
  int right = 0;
  for (std::size_t i = 0; i < captions.size(); ++i) right += shapes::text(captions[i]) == shapes::text(unseen.captions[i]);
  for (std::size_t i = 0; i < 4; ++i) shapes::print(unseen, i, shapes::text(captions[i]));
  std::printf("%d of 200 unseen pictures described without a mistake\n", right);
  return right >= 150 || steps < 1200 ? 0 : 1;
}
