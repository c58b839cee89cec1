// SPDX-License-Identifier: Apache-2.0
#include "golden_case.hpp"
#include "golden_config.hpp"  // written at configure time from the case's case.json
#include "support/backends.hpp"

using namespace blip;
namespace c = blip_golden;

TEMPLATE_LIST_TEST_CASE("the text encoder equals the published code in every mode", "[golden][text_encoder]", test::golden_backends) {
  using B = TestType;
  using S = typename B::scalar;
  constexpr int width = c::text_hidden, context_width = c::text_encoder_width;
  const golden::test_case<S> g{std::string(c::directory)};
  using tower = text_transformer<text_config{.width = width, .heads = c::text_heads, .hidden = c::text_intermediate,
                                             .context = context_width, .cross = cross_schedule::from_layer}, B>;
  owned<tower, B> model(1, text_options{.layers = c::text_layers, .cross_from = c::text_fusion_layer,
                                        .embedding = {.vocabulary = c::text_vocab_size, .positions = c::text_max_positions,
                                                      .token_types = c::text_type_vocab_size, .norm_eps = c::text_layer_norm_eps},
                                        .norm_eps = c::text_layer_norm_eps});
  g.load(model.values(), "text_encoder.");
  device<B> dev;

  const auto shape = g.inputs.shape("image_embeds");
  const int batch = static_cast<int>(shape[0]), image_rows = static_cast<int>(shape[1]);
  const golden::packing rows(g.inputs.template read<int>("attention_mask"), batch);
  const auto ids = golden::to_device<B>(rows.pack(g.inputs.template read<int>("input_ids")));
  const packed_layout<B> layout(rows.lengths);
  const auto cotangent = golden::to_device<B>(rows.pack(g.inputs.template read<S>("cotangent"), width));
  const auto given = golden::to_device<B>(rows.pack(g.inputs.template read<S>("text_embeds"), width));

  const auto run = [&](const std::string& name, const std::vector<int>& image_mask, bool has_text, bool has_image) {
    INFO("run " << name);
    const golden::packing source(image_mask, batch);
    const auto images_host = golden::to_device<B>(source.pack(g.inputs.template read<S>("image_embeds"), context_width));
    const packed_layout<B> image_layout(source.lengths);
    auto t = model.recording(dev);
    using tape_type = decltype(t);
    model.gradients().clear();
    int state = 0;
    const auto observe = [&](int, const var<tape_type, width>& x) {
      const std::string key = name + ".hidden_states." + std::to_string(state++);
      // A value that equals the first run's is stored once.
      g.compare(g.expected.has(key) ? key : "text" + key.substr(key.find('.')), rows.unpack(to_host(x), width), "outputs", rows.used);
    };
    const auto context = t.template input<context_width>(golden::rows_of(images_host.data(), static_cast<int>(source.rows.size()), context_width), true);
    const auto text = t.template input<width>(golden::rows_of(given.data(), static_cast<int>(rows.rows.size()), width), true);
    const auto y = !has_image ? model->text(t, ids.data(), layout, false, observe)
                   : has_text ? model->multimodal(t, ids.data(), layout, model->project(t, context, image_layout), nullptr, false, observe)
                              : model->fuse(t, text, layout, model->project(t, context, image_layout), nullptr, false, observe);
    const auto loss = ops::weighted_sum(t, y, golden::rows_of(cotangent.data(), y.rows(), width));
    g.compare(name + ".objective", to_host(loss), "losses");
    t.backward(loss);
    g.compare_gradients(model.gradients(), name + ".", "text_encoder.");
    if (has_image)
      g.compare(name + ".act_grad.image_embeds", source.unpack(to_host<B>(t.gradient_of(context)), context_width), "act_grad", source.used);
    if (!has_text)
      g.compare(name + ".act_grad.text_embeds", rows.unpack(to_host<B>(t.gradient_of(text)), width), "act_grad", rows.used);
  };
  const std::vector<int> all(static_cast<std::size_t>(batch * image_rows), 1);
  run("text", all, true, false);
  run("fusion", all, false, true);
  run("multi_modal", all, true, true);
  run("multi_modal_image_mask", g.inputs.template read<int>("image_mask"), true, true);
}
