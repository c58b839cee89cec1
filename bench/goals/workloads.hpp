// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "blip/generate/beam_search.hpp"
#include "blip/generate/decoder_model.hpp"
#include "blip/layers/owned.hpp"
#include "blip/ops/contrast.hpp"
#include "blip/ops/l2_normalize.hpp"
#include "blip/ops/reduce.hpp"
#include "blip/optim/adamw.hpp"
#include "blip/train/training_state.hpp"
#include "goals/inputs.hpp"
#include "goals/sizes.hpp"

// The work of the goals G1 to G13, on any back end. `run` is asked for devices and given what to run:
//   run.options()                       the device's
//   run(name, what, items, body)        one workload; items is what it makes: pictures, captions, samples, pairs, texts
//   run.memory(name, what, bytes)       bytes that a workload holds
namespace goals {

using blip::device;

// A vision tower over pictures of its own size.
template <class S, class B, class Run>
void vision(Run& run) {
  constexpr blip::vit_config structure = S::encoder.structure.vision;
  const blip::vit_options& o = S::encoder.options.vision;
  device<B> dev(run.options());
  const served<blip::vit<structure, B>, B> model(dev, o);
  for (const auto& [name, batch] : {std::pair{"G1", S::large_batch}, std::pair{"G2", 1}}) {
    const pixels<B> in(batch, o.image_height);
    run(name, "ViT " + std::to_string(o.image_height) + " px forward, batch " + std::to_string(batch), batch, [&] {
      auto t = model.inference(dev);
      model->forward(t, in.on(t));
    });
  }
}

// Captions from pixels on, for each goal of so many pictures, and each length: every text of exactly as many ids, so that
// all runs do the same work.
template <class S, class B, class Run>
void captions(Run& run, const std::vector<std::pair<const char*, int>>& batches,
              const std::vector<int>& lengths) {
  constexpr blip::tower_config structure = S::captioner.structure;
  using model_type = blip::blip_captioner<structure, B>;
  const blip::tower_options& o = S::captioner.options;
  device<B> dev(run.options());
  const served<model_type, B> model(dev, o, blip::lm(S::lm));
  const auto& decoder = model->towers().decoder();
  for (const auto& [name, batch] : batches) {
    const pixels<B> in(batch, o.vision.image_height);
    const std::vector<std::vector<int>> prompts(static_cast<std::size_t>(batch), {S::prompt});
    for (const int tokens : lengths)
      run(name,
          "caption " + std::to_string(o.vision.image_height) + " px, batch " + std::to_string(batch) + ", " +
              std::to_string(S::beams) + " beams, " + std::to_string(tokens) + " tokens",
          batch, [&] {
            auto t = model.inference(dev);
            const auto seen = model->towers().images(t, in.on(t));
            blip::decoder_model next(t, decoder.text, decoder.head, decoder.text.project(t, seen.rows, seen.layout, true));
            blip::beam_search(next, prompts, {.stop = S::stop, .min_tokens = tokens, .max_tokens = tokens},
                              {.beams = S::beams, .rule = blip::beam_rule::transformers_5});
          });
  }
}

// What a training run of a model holds, and its steps.
template <class Model>
class training {
 public:
  using B = typename Model::backend_type;

  template <class... A>
  training(typename B::options o, A&&... arguments)
      : dev_(o), state_({.seed = 1}, std::forward<A>(arguments)...), optimiser_(state_.values().layout()) {}

  template <class Run>
  void steps(Run& run, const char* name, const std::string& what, int side, std::vector<std::vector<int>> texts) {
    const auto batch = static_cast<int>(texts.size());
    const pixels<B> in(batch, side);
    const auto b = state_->prepare(in.batch(), {.texts = std::move(texts)}, {.seed = 1});
    run(name, what + " " + std::to_string(side) + " px, batch " + std::to_string(batch), batch, [&] {
      state_.begin(dev_);
      auto t = state_.recording(dev_, {.stochastic = true, .seed = 1});
      const auto loss = state_->loss(t, state_.carried(), b, {.alpha = 0.4});
      t.backward(loss.total);
      optimiser_.step(dev_, state_.values(), state_.gradients(), 1e-5);
      state_.commit();
    });
  }
  // The optimiser and the momentum average alone, with every parameter reached.
  template <class Run>
  void update(Run& run, const char* name) {
    blip::gradients<B>& g = state_.gradients();
    for (std::size_t i = 0; i < state_.values().layout()->entries().size(); ++i) g.reach(static_cast<int>(i));
    run(name,
        "AdamW of " + millions(state_.values().size()) + " M and average of " +
            millions(state_.carried().momentum.size()) + " M parameters",
        1, [&] {
          optimiser_.step(dev_, state_.values(), g, 1e-5);
          blip::ema(dev_, 0.995, state_.values(), state_.carried().momentum);
        });
  }
  // Values, gradients, moments, momentum copy, what the losses carry, and what a step took from the pool.
  std::size_t bytes() {
    std::size_t queues = 0;
    std::apply([&](auto&... s) { (add_queues(queues, s), ...); }, state_.carried().losses);
    return 4 * state_.values().bytes() + state_.carried().momentum.bytes() + queues + dev_.tensors().bytes_held();
  }

 private:
  template <class Q>
  static void add_queues(std::size_t& to, Q& s) {
    if constexpr (requires { s.images.rows(); }) to += s.images.rows().bytes() + s.texts.rows().bytes() + s.ids.bytes();
  }
  static std::string millions(std::int64_t n) {
    const std::int64_t tenths = (n + 50000) / 100000;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
  }

  device<B> dev_;
  blip::training_state<Model> state_;
  blip::adamw<B> optimiser_;
};

template <class S, class B, class Run>
void pretraining(Run& run, const std::vector<int>& lengths) {
  constexpr blip::tower_config blip_structure = S::blip_model.structure, albef_structure = S::albef_model.structure;
  constexpr blip::itc_config features = S::features;
  {
    training<blip::blip_pretraining<blip_structure, B, features>> blip_step(
        run.options(), S::blip_model.options, blip::itc<features>({.queue = S::blip_queue}),
        blip::itm<>(S::blip_itm, {.epsilon = 1e-4}), blip::lm(S::lm));
    const int side = S::blip_model.options.vision.image_height;
    blip_step.steps(run, "G5", "BLIP pre-training step, captions as they are,", side,
                    texts<S>(S::blip_batch, lengths, S::longest_blip));
    run.memory("G13", "memory that the step of G5 holds", blip_step.bytes());
    blip_step.steps(run, "G5", "BLIP pre-training step, captions of " + std::to_string(S::longest_blip) + ",", side,
                    texts<S>(S::blip_batch, {S::longest_blip}, S::longest_blip));
    blip_step.update(run, "G10");
  }
  training<blip::albef_pretraining<albef_structure, B, features>> albef_step(
      run.options(), S::albef_model.options, blip::itc<features>({.queue = S::albef_queue}), blip::itm<>(S::albef_itm),
      blip::mlm<>(S::mlm()));
  albef_step.steps(run, "G6", "ALBEF pre-training step", S::albef_model.options.vision.image_height,
                   texts<S>(S::albef_batch, lengths, S::longest_albef));
}

// Retrieval: the pairs that read one picture, its keys and values projected once; features of texts.
template <class S, class B, class Run>
void retrieval(Run& run, const std::vector<int>& lengths) {
  constexpr blip::tower_config structure = S::encoder.structure;
  constexpr blip::itc_config features = S::features_alone;
  using model_type = blip::blip_retrieval<structure, B, features>;
  const blip::tower_options& o = S::encoder.options;
  device<B> dev(run.options());
  const served<model_type, B> model(dev, o, blip::itc<features>({.queue = 0}), blip::itm<>(S::blip_itm));
  const auto& towers = model->towers();
  {
    const auto layout = towers.image_layout(1, o.vision.image_height, o.vision.image_width);
    const numbers<B> states(layout.rows, structure.vision.width);
    const blip::text_batch<B> batch(texts<S>(S::pairs_of_a_picture, lengths, S::longest_blip), model->vocabulary(),
                                    S::blip_itm.first_token);
    const blip::buffer<B, int> first(std::vector<int>(static_cast<std::size_t>(S::pairs_of_a_picture), 0));
    run("G7",
        "re-ranking, the pairs of one picture of " + std::to_string(S::pictures) + ": " +
            std::to_string(S::pairs_of_a_picture),
        S::pairs_of_a_picture, [&] {
          auto t = model.inference(dev);
          const auto read = towers.project(t, {states.template on<structure.vision.width>(t), layout});
          const auto rows = towers.multimodal_first(t, batch.ids(), batch.layout(), read, first.data());
          const auto& head = model->template head_at<1>();
          head.forward(t, rows);
        });
  }
  const blip::text_batch<B> batch(texts<S>(S::features_at_once, lengths, S::longest_blip), model->vocabulary());
  run("G8", "features of " + std::to_string(S::features_at_once) + " packed texts", S::features_at_once, [&] {
    auto t = model.inference(dev);
    model->template head_at<0>().text(t, towers.feature_states(t, batch));
  });
}

// A norm of the vision tower's rows, alone.
template <class S, class B, class Run>
void norm(Run& run) {
  constexpr int width = S::encoder.structure.vision.width;
  const int rows = S::large_batch * tokens_of(S::encoder.options.vision, S::encoder.structure.vision.patch);
  device<B> dev(run.options());
  const numbers<B> x(rows, width), dy(rows, width), gamma(1, width), beta(1, width);
  numbers<B> y(rows, width), stats(rows, 2), dx(rows, width), dgamma(1, width), dbeta(1, width);
  const std::string what = std::to_string(rows) + " x " + std::to_string(width);
  run("G9", "layer norm forward, " + what, rows,
      [&] { blip::kernels<B>::layer_norm(dev, x.view(), gamma.view(), beta.view(), 1e-6, y.view(), stats.view()); });
  run("G9", "layer norm backward, " + what, rows, [&] {
    blip::kernels<B>::layer_norm_vjp(dev, x.view(), gamma.view(), stats.view(), dy.view(), dx.gradient(),
                                     dgamma.gradient(), dbeta.gradient());
  });
}

// The temperature of a contrastive loss.
template <class B>
struct temperature_alone {
  blip::parameter value{1};
  temperature_alone() { value.starts_at(0.07); }
  template <class Self, class F>
  static void members(Self& self, F&& f) {
    f("temp", self.value);
  }
};

// Both directions of the contrastive loss on features that are there, with their gradients.
template <class S, class B, class Run>
void contrast(Run& run) {
  constexpr int width = S::features.width;
  blip::owned<temperature_alone<B>, B> owner(1);
  device<B> dev(run.options());
  const int batch = S::blip_batch, queue = S::blip_queue;
  const numbers<B> image(batch, width), text(batch, width), image_m(batch, width), text_m(batch, width),
      images(queue, width), words(queue, width);
  run("G11", "contrast forward and backward, batch " + std::to_string(batch) + ", queue " + std::to_string(queue),
      batch, [&] {
        owner.gradients().clear();
        auto t = owner.recording(dev);
        const auto side = [&](const auto& x, const auto& keys, const auto& earlier, const auto& teacher) {
          return blip::ops::mean_labelled(
              t, blip::ops::contrast(
                     t, t.template input<width>(x.view(), true),
                     blip::ops::contrast_keys<B>{t.input(keys.view()), earlier.view(), t.input(teacher.view()), 0.4},
                     owner->value));
        };
        t.backward(blip::ops::add(t, side(image, text_m, words, image_m), side(text, image_m, images, text_m)));
      });
}

// Self-attention of the vision tower over its fused projection, alone.
template <class S, class B, class Run>
void self_attention(Run& run) {
  constexpr blip::vit_config c = S::encoder.structure.vision;
  const int n = tokens_of(S::encoder.options.vision, c.patch);
  device<B> dev(run.options());
  const auto layout = blip::sequence_layout::uniform(S::large_batch, n);
  const numbers<B> qkv(layout.rows, 3 * c.width);
  numbers<B> y(layout.rows, c.width);
  const auto part = [&](int i) { return qkv.view().columns(i * c.width, c.width); };
  const double scale = 1 / std::sqrt(static_cast<double>(c.width) / c.heads);
  run("G12",
      "self-attention, " + std::to_string(n) + " tokens, batch " + std::to_string(S::large_batch) + ", " +
          std::to_string(c.heads) + " heads",
      S::large_batch, [&] {
        blip::kernels<B>::attention(dev, part(0), part(1), part(2), layout, layout, nullptr,
                                    {.heads = c.heads, .scale = scale}, y.view(), {});
      });
}

// All of them. `lengths`: those of the captions, [CLS] and [SEP] included.
template <class S, class B, class Run>
void all_workloads(Run& run, const std::vector<int>& lengths) {
  vision<S, B>(run);
  captions<S, B>(run, {{"G3", 1}, {"G4", S::large_batch}}, {S::tokens});
  pretraining<S, B>(run, lengths);
  retrieval<S, B>(run, lengths);
  norm<S, B>(run);
  contrast<S, B>(run);
  self_attention<S, B>(run);
}

}  // namespace goals
