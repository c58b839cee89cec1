// SPDX-License-Identifier: Apache-2.0
#include "golden_case.hpp"
#include "golden_config.hpp"  // written at configure time from the case's case.json
#include "support/backends.hpp"

using namespace blip;
namespace c = blip_golden;

namespace {

constexpr bool decoder = c::case_name == std::string_view("med-decoder");
constexpr bool text_only = c::case_name == std::string_view("med-text");

// The text tower with its head, under the names of the stored state (the encoder cases have neither prefix nor head).
template <class B>
struct med {
  text_transformer<text_config{.width = c::text_hidden, .heads = c::text_heads, .hidden = c::text_intermediate,
                               .context = c::encoder_width, .cross = cross_schedule::all}, B> text{
      {.layers = c::text_layers,
       .embedding = {.vocabulary = c::vocab_size, .positions = c::max_positions, .norm_eps = c::text_layer_norm_eps},
       .norm_eps = c::text_layer_norm_eps}};
  lm_head<c::text_hidden, B> head{c::vocab_size, c::text_layer_norm_eps};

  template <class Self, class F>
  static void members(Self& self, F&& f) {
    f(decoder ? "bert" : "", self.text);
    if constexpr (decoder) {
      f("cls.predictions", self.head);
      f("cls.predictions.decoder.weight", self.text.words());
    }
  }
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("the text tower equals the published code", "[golden][med]", test::golden_backends) {
  using B = TestType;
  using S = typename B::scalar;
  const golden::test_case<S> g{std::string(c::directory)};
  owned<med<B>, B> model(1);
  g.load(model.values());
  device<B> dev;

  const golden::packing rows(g.inputs.template read<int>("attention_mask"), c::batch);
  const auto ids = golden::to_device<B>(rows.pack(g.inputs.template read<int>("input_ids")));
  const packed_layout<B> layout(rows.lengths);
  auto t = model.recording(dev);
  using tape_type = decltype(t);
  const auto observe = [&](int i, const var<tape_type, c::text_hidden>& x) {
    g.compare("hidden_states." + std::to_string(i + 1), rows.unpack(to_host(x), c::text_hidden), "outputs", rows.used);
  };

  if constexpr (text_only) {
    const auto y = model->text.text(t, ids.data(), layout, false, observe);
    const auto projection = golden::to_device<B>(rows.pack(g.inputs.template read<S>("projection"), c::text_hidden));
    const auto loss = ops::weighted_sum(t, y, golden::rows_of(projection.data(), y.rows(), c::text_hidden));
    g.compare("loss", to_host(loss), "losses");
    t.backward(loss);
    g.compare_gradients(model.gradients());
  } else {
    const golden::packing source(g.inputs.template read<int>("encoder_attention_mask"), c::batch);
    const auto states = golden::to_device<B>(source.pack(g.inputs.template read<S>("encoder_hidden_states"), c::encoder_width));
    const packed_layout<B> source_layout(source.lengths);
    const auto context = t.template input<c::encoder_width>(golden::rows_of(states.data(), static_cast<int>(source.rows.size()), c::encoder_width), true);
    const auto y = model->text.multimodal(t, ids.data(), layout, model->text.project(t, context, source_layout), nullptr, decoder, observe);
    const auto check_context = [&] {
      g.compare("grad_input.encoder_hidden_states", source.unpack(to_host<B>(t.gradient_of(context)), c::encoder_width), "gradients", source.used);
    };
    if constexpr (!decoder) {
      const auto projection = golden::to_device<B>(rows.pack(g.inputs.template read<S>("projection"), c::text_hidden));
      const auto loss = ops::weighted_sum(t, y, golden::rows_of(projection.data(), y.rows(), c::text_hidden));
      g.compare("loss", to_host(loss), "losses");
      t.backward(loss);
      g.compare_gradients(model.gradients());
      check_context();
    } else {
      const auto logits = model->head.forward(t, y, model->text.words());
      g.compare("logits", rows.unpack(to_host(logits), c::vocab_size), "outputs", rows.used);
      // A row's label is the next token of its own text.
      const auto padded = g.inputs.template read<int>("labels");
      std::vector<int> next(padded.size(), -100);
      for (std::size_t i = 0; i + 1 < padded.size(); ++i)
        if ((i + 1) % static_cast<std::size_t>(c::text_len) != 0) next[i] = padded[i + 1];
      const auto labels = golden::to_device<B>(rows.pack(next));
      const auto each = ops::cross_entropy(t, logits, labels.data(), c::label_smoothing);
      std::vector<S> per_sample(static_cast<std::size_t>(c::batch), S(0));
      const std::vector<S> losses = rows.unpack(to_host(each));
      for (std::size_t i = 0; i < losses.size(); ++i) per_sample[i / static_cast<std::size_t>(c::text_len)] += losses[i];
      g.compare("loss_per_sample", per_sample, "losses");
      const auto loss = ops::mean_labelled(t, each, labels.data());
      g.compare("loss", to_host(loss), "losses");
      t.backward(loss);
      g.compare_gradients(model.gradients());
      check_context();
    }
  }
}
