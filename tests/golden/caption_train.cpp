// SPDX-License-Identifier: Apache-2.0
#include "blip/models/blip.hpp"
#include "golden_model.hpp"
#include "support/backends.hpp"

using namespace blip;
namespace c = golden::c;

namespace {

constexpr tower_config structure = captioner_structure(golden::vision, golden::encoder);
const tower_options options{golden::vision_options, {}, golden::encoder_options};

}  // namespace

TEMPLATE_LIST_TEST_CASE("a captioner's step with a prompt equals the published code", "[golden][caption]",
                        test::golden_backends) {
  using B = TestType;
  using S = typename B::scalar;
  using M = blip_captioner<structure, B>;
  const golden::test_case<S> g{std::string(c::directory)};
  training_state<M> state(training_options{}, options,
                          lm({.first_token = c::bos_id, .smoothing = c::label_smoothing, .prompt = c::prompt_length}));
  golden::load_state<M, S>(state, g.weights);
  device<B> dev;
  adamw<B> optimiser(state.values().layout());
  golden::decay_as_published(optimiser, *state.values().layout(), golden::weight_decay(g));

  const auto n = static_cast<std::size_t>(g.inputs.shape("images")[0]);
  const auto pixels = golden::to_device<B>(g.inputs.template read<S>("images"));
  const auto b = state->prepare({pixels.data(), static_cast<int>(n), 3, c::image_size, c::image_size},
                                {.texts = golden::texts_of(g.inputs.template read<int>("input_ids"),
                                                           g.inputs.template read<int>("attention_mask"), n)});
  state.begin(dev);
  auto t = state.recording(dev);
  golden::shown<B> shown;
  const step_observer<B> observe(shown);
  const auto losses = state->loss(t, state.carried(), b, {.observe = &observe});
  g.compare("image_embeds", shown.values.at("image_states"), "outputs");
  g.compare(
      "logits", shown.values.at("lm_logits"),
      golden::predicting_rows(g.expected.template read<double>("logits"), g.expected.template read<int>("labels"), n),
      "outputs");
  g.compare("loss", shown.values.at("lm"), "losses");
  g.compare("loss", to_host(losses.total), "losses");
  t.backward(losses.total);
  g.compare_gradients(state.gradients());
  state.commit();
  // In single precision the optimiser alone: it divides gradients that are rounding noise by themselves.
  if (sizeof(S) < 8) golden::feed_gradients(g, state.gradients(), "");
  const double rate = golden::learning_rate(g, 0);
  optimiser.step(dev, state.values(), state.gradients(), rate);
  golden::compare_after(g, state.values(), "", rate);
}
