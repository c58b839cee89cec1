// SPDX-License-Identifier: Apache-2.0
#include "blip/models/blip.hpp"
#include "golden_model.hpp"
#include "support/backends.hpp"

using namespace blip;
namespace c = golden::c;

namespace {

constexpr itc_config features{.width = c::embed_dim, .momentum = false};
constexpr tower_config structure = encoder_structure(golden::vision, golden::encoder);
const tower_options options{golden::vision_options, golden::encoder_options, {}};
template <class B>
using model_of = blip_retrieval<structure, B, features>;

// The case's batch, and parts of the model on a tape.
template <class B>
struct matching {
  using S = typename B::scalar;

  const golden::test_case<S> g{std::string(c::directory)};
  const int n = static_cast<int>(g.inputs.shape("images")[0]);
  const std::vector<int> mask = g.inputs.template read<int>("attention_mask");
  const golden::packing rows{mask, n};
  const buffer<B, S> pixels = golden::to_device<B>(g.inputs.template read<S>("images"));
  training_state<model_of<B>> state{training_options{}, options, itc<features>(), itm<>({.first_token = c::enc_id})};
  typename model_of<B>::batch batch = state->prepare(
      {pixels.data(), n, 3, c::image_size, c::image_size},
      {.texts = golden::texts_of(g.inputs.template read<int>("input_ids"), mask, static_cast<std::size_t>(n))});
  device<B> dev{};

  matching() { golden::load_state<model_of<B>, S>(state, g.weights); }

  const text_batch<B>& plain() const { return batch.texts; }                     // [CLS] first
  const text_batch<B>& marked() const { return std::get<1>(batch.data).texts; }  // [ENC] first

  template <class T>
  auto images(T& t) const {
    return state->towers().images(t, golden::images_of(t, batch.pictures));
  }
  template <class T>
  auto read(T& t, const text_batch<B>& x) const {
    const auto& towers = state->towers();
    return towers.multimodal(t, x.ids(), x.layout(), towers.project(t, images(t)), nullptr);
  }
  template <class T, int W>
  auto logits(T& t, const var<T, W>& states, const text_batch<B>& x) const {
    return state->template head_at<1>().forward(t, ops::gather_rows(t, states, x.layout().begins, n));
  }
};

// The gradient of a layer's cross-attention query bias from the stored attention P [n, heads, length, keys], its
// gradient G, and the picture rows that the keys k come from:
//   dS = P (G - sum_keys P G),  db_h = sum dS k_h / sqrt(width of a head).
template <class S>
std::vector<double> query_bias_gradient(const golden::test_case<S>& g, int layer, const std::vector<int>& mask) {
  const std::string cross = "text_encoder.encoder.layer." + std::to_string(layer) + ".crossattention.self.key.";
  const auto p = g.expected.template read<double>("enc_cross_attention." + std::to_string(layer));
  const auto dp = g.expected.template read<double>("enc_cross_attention_grad." + std::to_string(layer));
  const auto context = g.expected.template read<double>("image_embeds");
  const auto w = g.weights.template read<double>(cross + "weight"),
             bias = g.weights.template read<double>(cross + "bias");
  const auto shape = g.expected.shape("enc_cross_attention." + std::to_string(layer));
  const auto at = [](long i) { return static_cast<std::size_t>(i); };
  const long heads = shape[1], length = shape[2], keys = shape[3], width = static_cast<long>(bias.size());
  const long from = static_cast<long>(w.size()) / width, size = width / heads;
  std::vector<double> out(bias.size(), 0);
  for (long b = 0; b < shape[0]; ++b)
    for (long o = 0; o < width; ++o) {
      std::vector<double> key(at(keys));
      for (long k = 0; k < keys; ++k) {
        key[at(k)] = bias[at(o)];
        for (long i = 0; i < from; ++i) key[at(k)] += w[at(o * from + i)] * context[at((b * keys + k) * from + i)];
      }
      for (long q = 0; q < length; ++q) {
        if (!mask[at(b * length + q)]) continue;
        const long row = ((b * heads + o / size) * length + q) * keys;
        double mean = 0;
        for (long k = 0; k < keys; ++k) mean += p[at(row + k)] * dp[at(row + k)];
        for (long k = 0; k < keys; ++k)
          out[at(o)] += p[at(row + k)] * (dp[at(row + k)] - mean) * key[at(k)] / std::sqrt(static_cast<double>(size));
      }
    }
  return out;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("matching logits and cosine similarities equal the published code", "[golden][matching]",
                        test::golden_backends) {
  using B = TestType;
  matching<B> m;
  auto t = m.state.inference(m.dev);
  const auto &texts = m.plain(), &marked = m.marked();
  const auto& towers = m.state->towers();
  const auto& head = m.state->template head_at<0>();

  const auto images = m.images(t);
  const auto words = towers.text(t, texts.ids(), texts.layout());
  m.g.compare("image_embeds", to_host(images.rows), "outputs");
  m.g.compare("text_hidden", m.rows.unpack(to_host(words), c::text_hidden), "outputs", m.rows.used);
  const auto image = head.image(t, ops::gather_rows(t, images.rows, m.batch.class_rows.data(), m.n));
  const auto text = head.text(t, ops::gather_rows(t, words, texts.layout().begins, m.n));
  m.g.compare("image_feat", to_host(image), "outputs");
  m.g.compare("text_feat", to_host(text), "outputs");
  m.g.compare("itc_similarity", to_host(ops::similarity(t, image, text, nullptr)), "outputs");

  m.g.compare("itm_logits", to_host(m.logits(t, m.read(t, texts), texts)), "outputs");
  const auto states = m.read(t, marked);
  m.g.compare("multimodal_hidden_enc", m.rows.unpack(to_host(states), c::text_hidden), "outputs", m.rows.used);
  m.g.compare("itm_logits_enc", to_host(m.logits(t, states, marked)), "outputs");
}

TEMPLATE_LIST_TEST_CASE("gradients of matching equal those that the published attention maps imply",
                        "[golden][matching]", test::golden_backends) {
  using B = TestType;
  using S = typename B::scalar;
  matching<B> m;
  auto t = m.state.recording(m.dev);
  const auto logits = m.logits(t, m.read(t, m.marked()), m.marked());
  std::vector<S> matched;
  for (int i = 0; i < m.n; ++i) matched.push_back(0), matched.push_back(1);
  const auto seed = golden::to_device<B>(matched);
  t.backward(logits, golden::rows_of(seed.data(), m.n, 2));

  const auto& values = m.state.gradients().values();
  for (int layer = 0; layer < c::text_layers; ++layer) {
    const std::string name = "text_encoder.encoder.layer." + std::to_string(layer) + ".crossattention.self.query.bias";
    m.g.compare(name, values.read(name), query_bias_gradient(m.g, layer, m.mask), "gradients");
  }
  // The head's gradient is the sum of its inputs, in the row of the class that was asked for.
  const auto states = m.g.expected.template read<double>("multimodal_hidden_enc");
  std::vector<double> weight(2 * c::text_hidden, 0);
  for (std::size_t b = 0; b < static_cast<std::size_t>(m.n); ++b)
    for (std::size_t i = 0; i < c::text_hidden; ++i)
      weight[c::text_hidden + i] += states[b * states.size() / static_cast<std::size_t>(m.n) + i];
  m.g.compare("itm_head.weight", values.read("itm_head.weight"), weight, "gradients");
  m.g.compare("itm_head.bias", values.read("itm_head.bias"), std::vector<double>{0, static_cast<double>(m.n)},
              "gradients");
}
