// SPDX-License-Identifier: Apache-2.0
#include "blip/models/blip.hpp"
#include "golden_model.hpp"
#include "support/backends.hpp"

using namespace blip;
namespace c = golden::c;

namespace {

constexpr tower_config structure = blip_pair_structure(golden::vision, golden::encoder);
const tower_options options{golden::vision_options, golden::encoder_options, {}};
template <class B>
using model_of = blip_pair_reasoning<structure, B>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("reasoning about two pictures equals the published code", "[golden][nlvr]", test::golden_backends) {
  using B = TestType;
  using S = typename B::scalar;
  using M = model_of<B>;
  const golden::test_case<S> g{std::string(c::directory)};
  training_state<M> state(training_options{}, options,
                          classification<2, teacher::none, 2>({.first_token = c::enc_id}));
  device<B> dev;
  golden::load_state<M, S>(state, g.weights);

  const auto count = static_cast<int>(g.inputs.shape("images")[0]);
  const auto n = static_cast<std::size_t>(count / 2);
  const auto pixels = golden::to_device<B>(g.inputs.template read<S>("images"));
  const auto mask = g.inputs.template read<int>("attention_mask");
  const golden::packing rows(mask, static_cast<int>(n));
  const auto b = state->prepare({pixels.data(), count, 3, c::image_size, c::image_size},
                                {.texts = golden::texts_of(g.inputs.template read<int>("input_ids"), mask, n),
                                 .labels = g.inputs.template read<int>("targets")});
  golden::shown<B> shown;
  const step_observer<B> observe(shown);
  auto t = state.recording(dev);
  const auto losses = state->loss(t, state.carried(), b, {.observe = &observe});
  g.compare("image_embeds", shown.values.at("image_states"), "outputs");
  g.compare("prediction", shown.values.at("logits"), "outputs");
  g.compare("loss", to_host(losses.total), "losses");
  t.backward(losses.total);
  g.compare_gradients(state.gradients());

  // Layer by layer, and the row that the head reads.
  auto on = state.inference(dev);
  text_transformer<structure.text, B> text(options.text);
  arena_layout layout;
  layout.place("text_encoder", text);
  arena<B> values(std::make_shared<const arena_layout>(layout));
  g.load(values);
  inference_tape<B> alone(dev, values);
  const auto& texts = std::get<0>(b.data).texts;
  const auto& towers = state->towers();
  const auto images = towers.images(on, golden::images_of(on, b.pictures));
  const auto context = text.project_pairs(alone, alone.template input<c::vision_width>(images.rows.view()), images.layout);
  std::vector<std::string> names;
  const auto states = text.multimodal(alone, texts.ids(), texts.layout(), context, nullptr, false, [&](int i, const auto& x) {
    if (i < 0) return;
    names.push_back("layer_output." + std::to_string(i));
    g.compare(names.back(), rows.unpack(to_host(x), c::text_hidden), "outputs", rows.used);
  });
  CHECK(static_cast<int>(names.size()) == c::text_layers);
  g.compare("hidden_cls", to_host(ops::gather_rows(alone, states, texts.layout().begins, static_cast<int>(n))), "outputs");
}
