// SPDX-License-Identifier: Apache-2.0
#include "blip/models/albef.hpp"
#include "blip/models/blip.hpp"
#include "golden_model.hpp"
#include "support/backends.hpp"
#include "watched.hpp"

using namespace blip;
namespace c = golden::c;

namespace {

constexpr itc_config features{.width = c::embed_dim};
constexpr tower_config structure = golden::albef ? albef_structure(golden::vision, golden::encoder)
                                                 : blip_structure(golden::vision, golden::encoder);
inline const tower_options options{golden::vision_options, golden::encoder_options, golden::encoder_options};
template <class B>
using model_of = golden::watched<std::conditional_t<golden::albef, albef_pretraining<structure, B, features, given_negatives>,
                                                    blip_pretraining<structure, B, features, given_negatives>>>;

template <class B>
auto make(double momentum) {
  using M = model_of<B>;
  const training_options o{.momentum = momentum};
  const itc<features> contrastive({.queue = c::queue_size});
  if constexpr (golden::albef)
    return std::make_unique<training_state<M>>(o, options, contrastive, itm<given_negatives>({.first_token = -1}),
                                               mlm<>({.mask = c::special_ids_mask, .never = {c::special_ids_pad, c::special_ids_cls}}));
  else
    return std::make_unique<training_state<M>>(o, options, contrastive, itm<given_negatives>({.first_token = c::enc_id}),
                                               lm({.first_token = c::bos_id, .smoothing = c::label_smoothing}));
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("pre-training steps equal the published code", "[golden][pretrain]", test::golden_backends) {
  using B = TestType;
  using S = typename B::scalar;
  const golden::test_case<S> g{std::string(c::directory)};
  const auto state = make<B>(c::momentum);
  device<B> dev;
  auto& queue = std::get<0>(state->carried().losses);
  adamw<B> optimiser(state->values().layout());
  golden::decay_as_published(optimiser, *state->values().layout(), golden::weight_decay(g));
  // ALBEF's second step starts from what is stored of the first; BLIP's from what was computed, which only double can follow.
  constexpr bool chained = !golden::albef && sizeof(S) == 8;

  for (int step = 0; g.inputs.has("step" + std::to_string(step + 1) + ".images"); ++step) {
    const std::string run = "step" + std::to_string(step + 1) + ".";
    INFO(run);
    if (step == 0) {
      golden::load_state<model_of<B>, S>(*state, g.weights);
      golden::load_queues<B>(queue, g.weights, "", "queue_ptr", c::queue_size, c::embed_dim);
    } else if (!chained) {
      const std::string before = "step" + std::to_string(step) + ".";
      golden::load_state<model_of<B>, S>(*state, g.expected, before + "after.");
      golden::load_queues<B>(queue, g.expected, before + "after.", "queue_ptr", c::queue_size, c::embed_dim);
      golden::load_moments(g, optimiser, before);
    }
    const auto n = static_cast<std::size_t>(g.inputs.shape(run + "images")[0]);
    const int batch = static_cast<int>(n);
    const auto pixels = golden::to_device<B>(g.inputs.template read<S>(run + "images"));
    const auto images = golden::to_device<B>(g.inputs.template read<int>(run + golden::name_of_negative_images));
    const auto texts = golden::to_device<B>(g.inputs.template read<int>(run + golden::name_of_negative_texts));
    state->model().template loss_at<1>().negatives.indices = {images.data(), texts.data()};
    const golden::packing rows(g.inputs.template read<int>(run + "attention_mask"), batch);
    const examples e{.texts = golden::texts_of(g.inputs.template read<int>(run + "input_ids"),
                                               g.inputs.template read<int>(run + "attention_mask"), n)};
    auto b = (*state)->prepare({pixels.data(), batch, 3, c::image_size, c::image_size}, e);
    if constexpr (golden::albef) {
      const auto mask = g.inputs.template read<int>(run + "attention_mask");
      auto labels = g.inputs.template read<int>(run + "mlm.labels");
      std::get<2>(b.data) = mlm<>::prepare<B>(
          {golden::texts_of(g.inputs.template read<int>(run + "mlm.masked_ids"), mask, n), golden::texts_of(labels, mask, n)},
          (*state)->vocabulary());
    }

    state->begin(dev);
    auto t = state->recording(dev);
    const golden::watch<B> watching;
    golden::shown<B> shown;
    const step_observer<B> observe(shown);
    const auto losses = (*state)->loss(t, state->carried(), b, {.alpha = golden::alpha(g, step), .observe = &observe});
    const auto check = [&](const char* ours, const char* theirs, const char* kind = "outputs") {
      g.compare(run + theirs, shown.values.at(ours), kind);
    };
    check("image_states", "image_embeds");
    g.compare(run + "image_embeds_m",
              golden::albef ? shown.values.at("momentum.image_states")
                            : golden::image_states(dev, state->model(), state->carried().momentum, b.pictures), "outputs");
    check("image_feature", "image_feat"), check("text_feature", "text_feat");
    check("momentum.image_feature", "image_feat_m"), check("momentum.text_feature", "text_feat_m");
    check("loss_i2t", "loss_i2t", "losses"), check("loss_t2i", "loss_t2i", "losses");
    check("itc", "loss_ita", "losses"), check("itm", "loss_itm", "losses"), check("itm_logits", "itm_logits");
    g.compare(run + (golden::albef ? "text_embeds" : "text_hidden"),
              rows.unpack(golden::albef ? shown.values.at("text_states")
                                        : golden::text_states(dev, state->model(), state->values(), b.texts), c::text_hidden),
              "outputs", rows.used);
    check(golden::albef ? "mlm" : "lm", golden::albef ? "loss_mlm" : "loss_lm", "losses");
    if constexpr (!golden::albef) check("itm_states", "itm_hidden_cls");
    g.compare(run + "loss", to_host(losses.total), "losses");
    t.backward(losses.total);
    g.compare_gradients(state->gradients(), run);
    if constexpr (golden::albef) {
      const auto slope = [&](const char* ours, const char* theirs) {
        g.compare(run + "act_grad." + theirs, watching.gradient(t, ours), "act_grad");
      };
      slope("images", "image_embeds"), slope("image_feature", "image_feat"), slope("text_feature", "text_feat");
      slope("itm.logits", "itm_logits");
      g.compare(run + "act_grad.text_embeds", rows.unpack(watching.gradient(t, "text"), c::text_hidden), "act_grad", rows.used);
      g.compare(run + "act_grad.mlm_logits", watching.gradient(t, "masked_logits"),
                golden::labelled_rows(g.expected.template read<double>(run + "act_grad.mlm_logits"),
                                      g.inputs.template read<int>(run + "mlm.labels")), "act_grad");
    }
    state->commit();
    golden::compare_carried(g, *state, run);
    golden::compare_queues<B>(g, queue, run, "queue_ptr");
    if (!chained) golden::feed_gradients(g, state->gradients(), run);
    const double rate = golden::learning_rate(g, step);
    if (rate > 0) {
      optimiser.step(dev, state->values(), state->gradients(), rate);
      golden::compare_after(g, state->values(), run, rate);
    }
  }
}
