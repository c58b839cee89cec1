// SPDX-License-Identifier: Apache-2.0
#include "blip/models/blip.hpp"
#include "blip/tasks/attention_map.hpp"
#include "blip/tasks/itm_logits.hpp"
#include "golden_model.hpp"
#include "support/backends.hpp"

using namespace blip;
namespace c = golden::c;

namespace {

constexpr itc_config features{.width = c::embed_dim, .momentum = false};
template <class B>
using model_of = blip_retrieval<encoder_structure(golden::vision, golden::encoder), B, features>;

// Looks at one layer's cross-attention, with the logits of a match as what is explained.
template <class B>
void check_layer(int layer) {
  using S = typename B::scalar;
  const golden::test_case<S> g{std::string(c::directory)};
  const std::vector<int> mask = g.inputs.template read<int>("attention_mask");
  const auto n = static_cast<std::size_t>(g.inputs.shape("images")[0]);
  const golden::packing rows(mask, static_cast<int>(n));
  owned<model_of<B>, B> model(1, tower_options{golden::vision_options, golden::encoder_options, {}},
                              itc<features>(itc_options{.queue = 0}), itm<>({.first_token = c::enc_id}));
  for (const auto& name : model.values().layout()->names())
    if (g.weights.has(name.text))  // the case has no temperature
      model.values().template write<double>(name.text, g.weights.template read<double>(name.text));

  device<B> d;
  recording_tape<B> t(d, model.values());
  const auto& towers = model->towers();
  const buffer<B, S> pixels = golden::to_device<B>(g.inputs.template read<S>("images"));
  const int size = 3 * c::image_size * c::image_size;
  const auto pictures = towers.images(
      t, images<recording_tape<B>>(t.input(golden::rows_of(pixels.data(), static_cast<int>(n), size)), 3, c::image_size,
                                   c::image_size));
  auto context = towers.project(t, pictures);
  seen_attention<recording_tape<B>> seen;
  context.watch = {layer, &seen};
  const text_batch<B> texts(golden::texts_of(g.inputs.template read<int>("input_ids"), mask, n), c::vocab_size,
                            c::enc_id);
  const auto logits = itm_logits(t, *model, texts, context, nullptr);
  g.compare("itm_logits_enc", to_host(logits), "outputs");
  std::vector<S> matched;
  for (std::size_t i = 0; i < n; ++i) matched.push_back(0), matched.push_back(1);
  const auto seed = golden::to_device<B>(matched);
  t.backward(logits, golden::rows_of(seed.data(), static_cast<int>(n), 2));

  const std::string number = std::to_string(layer);
  const auto p = g.expected.template read<double>("enc_cross_attention." + number);
  const auto dp = g.expected.template read<double>("enc_cross_attention_grad." + number);
  const auto shape = g.expected.shape("enc_cross_attention." + number);
  row_span own, keys{0, static_cast<int>(shape[3])};
  for (std::size_t i = 0; i < n; ++i, keys.first += keys.count) {
    own.count = rows.lengths[i];
    const attention_map map = read_attention_map(t, seen, own, keys);
    std::vector<double> want, want_gradient;  // of the rows that are there
    for (long h = 0; h < shape[1]; ++h)
      for (long r = 0; r < own.count; ++r) {
        const long at = ((static_cast<long>(i) * shape[1] + h) * shape[2] + r) * shape[3];
        want.insert(want.end(), p.begin() + at, p.begin() + at + shape[3]);
        want_gradient.insert(want_gradient.end(), dp.begin() + at, dp.begin() + at + shape[3]);
      }
    g.compare("probabilities, layer " + number, {map.probabilities.begin(), map.probabilities.end()}, want, "outputs");
    g.compare("gradients, layer " + number, {map.gradients.begin(), map.gradients.end()}, want_gradient, "outputs");
    own.first += own.count;
  }
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("attention of every layer and its gradient, read from rows, equal the published maps",
                        "[golden][grounding]", test::golden_backends) {
  for (int layer = 0; layer < c::text_layers; ++layer) check_layer<TestType>(layer);
}
