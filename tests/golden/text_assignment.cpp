// SPDX-License-Identifier: Apache-2.0
#include "blip/models/albef.hpp"
#include "golden_model.hpp"
#include "support/backends.hpp"
#include "watched.hpp"

using namespace blip;
namespace c = golden::c;

namespace {

constexpr tower_config structure = albef_pair_structure(golden::vision, golden::encoder);
const tower_options options{golden::vision_options, golden::encoder_options, {}};
constexpr text_assignment_config features{.width = c::embed_dim};
template <class B>
using model_of = golden::watched<albef_pair_pretraining<structure, B, features>>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("text assignment equals the published code", "[golden][nlvr]", test::golden_backends) {
  using B = TestType;
  using S = typename B::scalar;
  using M = model_of<B>;
  const golden::test_case<S> g{std::string(c::directory)};
  device<B> dev;
  const auto n = static_cast<std::size_t>(g.inputs.shape("images")[0]);
  const auto pixels = golden::to_device<B>(g.inputs.template read<S>("images"));
  const auto mask = g.inputs.template read<int>("attention_mask");
  const golden::packing rows(mask, static_cast<int>(n));
  const picture_batch<B> pictures{pixels.data(), static_cast<int>(n), 3, c::image_size, c::image_size};
  const auto ids = golden::texts_of(g.inputs.template read<int>("input_ids"), mask, n);
  const auto labels = g.inputs.template read<int>("pair.label");
  auto chosen = g.inputs.template read<int>("pair.image0");
  for (const int i : g.inputs.template read<int>("pair.image1")) chosen.push_back(i);
  const buffer<B, int> pairs{std::span<const int>(chosen)};

  training_state<M> given(training_options{}, options, text_assignment<features>({.pictures = pairs.data()}));
  golden::load_state<M, S>(given, g.weights);
  golden::shown<B> shown;
  const step_observer<B> observe(shown);
  const auto b = given->prepare(pictures, {.texts = ids, .labels = labels});
  auto t = given.recording(dev);
  const golden::watch<B> watching;
  const auto losses = given->loss(t, given.carried(), b, {.observe = &observe});
  g.compare("image_embeds", shown.values.at("image_states"), "outputs");
  g.compare("text_hidden", rows.unpack(shown.values.at("states"), c::text_hidden), "outputs", rows.used);
  g.compare("prediction", shown.values.at("logits"), "outputs");
  g.compare("loss", to_host(losses.total), "losses");
  t.backward(losses.total);
  g.compare_gradients(given.gradients());
  g.compare("act_grad.image_embeds", watching.gradient(t, "images"), "act_grad");
  g.compare("act_grad.prediction", watching.gradient(t, "text_assignment.logits"), "act_grad");
  g.compare("act_grad.text_hidden", rows.unpack(watching.gradient(t, "multimodal"), c::text_hidden), "act_grad", rows.used);

  CHECK_THROWS_AS(given->prepare(pictures, {.texts = ids, .labels = {0}}), shape_error);
  CHECK_THROWS_AS(given->prepare(pictures, {.texts = ids, .labels = std::vector<int>(n, 3)}), shape_error);
  CHECK_THROWS_AS(given->prepare({pixels.data(), 2, 3, c::image_size, c::image_size}, {.texts = {ids[0], ids[1]}}), shape_error);

  // What pairs are drawn by; a step that draws its own is finite.
  training_state<M> drawn(training_options{}, options, text_assignment<features>());
  golden::load_state<M, S>(drawn, g.weights);
  auto on = drawn.recording(dev);
  const auto own = drawn->loss(on, drawn.carried(), drawn->prepare(pictures, {.texts = ids}), {.observe = &observe});
  g.compare("sim", shown.values.at("similarities"), "outputs");
  CHECK(std::isfinite(static_cast<double>(to_host(own.total)[0])));
}
