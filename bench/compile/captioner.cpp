// SPDX-License-Identifier: Apache-2.0
//
// A captioner of BLIP's base size, one training step and one forward pass: what a program pays for a whole model.
#if __has_include("blip/backend/cpu.hpp")
#include "blip/backend/cpu.hpp"
using B = blip::cpu;
#else
#include "blip/backend/reference.hpp"
using B = blip::reference<float>;
#endif
#include "blip/blip.hpp"

using namespace blip;

struct captioner {
  vit<vit_b16.structure, B> vision{vit_b16.options};
  text_transformer<blip_text.structure, B> text{blip_text.options};
  lm_head<blip_text.structure.width, B> head{blip_text.options.embedding.vocabulary};

  template <class T>
  scores<T> logits(T& t, const images<T>& pixels, const text_batch<B>& captions) const {
    const auto context = text.project(t, vision.forward(t, pixels), vision.layout(pixels));
    const auto states = text.multimodal(t, captions.ids(), captions.layout(), context, nullptr, /*causal=*/true);
    return head.forward(t, states, text.words());
  }

  template <class Self, class F>
  static void members(Self& self, F&& f) {
    f("visual_encoder", self.vision);
    f("text_decoder.bert", self.text);
    f("text_decoder.cls.predictions", self.head);
  }
};

double train(owned<captioner, B>& model, adamw<B>& optimiser, device<B>& dev, matrix_view<const float> pixels,
             const text_batch<B>& captions, const int* labels) {
  auto t = model.recording(dev, {.stochastic = true});
  const images<recording_tape<B>> pictures(t.input(pixels), 3, 224, 224);
  const auto rows = ops::cross_entropy(t, model->logits(t, pictures, captions), labels, 0.1);
  const auto loss = ops::mean_labelled(t, rows, labels);
  model.gradients().clear();
  t.backward(loss);
  optimiser.step(dev, model.values(), model.gradients(), 1e-5);
  return to_host(loss)[0];
}

std::vector<float> score(const owned<captioner, B>& model, device<B>& dev, matrix_view<const float> pixels,
                         const text_batch<B>& captions) {
  auto t = model.inference(dev);
  const images<inference_tape<B>> pictures(t.input(pixels), 3, 224, 224);
  return to_host(model->logits(t, pictures, captions));
}
