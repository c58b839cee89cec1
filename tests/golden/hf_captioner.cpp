// SPDX-License-Identifier: Apache-2.0
#include "hf_case.hpp"
#include "support/backends.hpp"

using namespace blip;
namespace hf = golden::hf;

namespace {

constexpr tower_config structure = captioner_structure(hf::vision, hf::text);

}  // namespace

TEMPLATE_LIST_TEST_CASE("a captioner of transformers loads, tied words included, and gives its logits", "[golden][hf]",
                        test::golden_backends) {
  using B = TestType;
  hf::published<B> g;
  tower_options options = g.folder.options();
  options.vision.any_size = true;
  owned<blip_captioner<structure, B>, B> model(1, options, lm({.first_token = -1, .smoothing = 0}));
  const auto& towers = model->towers();
  const load_report report = load_model(g.folder, structure, model.values());
  CHECK(report.missing.empty());
  CHECK(report.loaded < report.parameters);  // a name of the word table and one of the bias are not stored

  auto t = model.inference(g.dev);
  const auto plain = g.pixels("pixel_values"), larger = g.pixels("larger_pixel_values"),
             decoded = g.pixels("decoder_pixel_values");
  g.compare("vision_last_hidden_state", to_host(g.see(towers, t, plain, "pixel_values").rows));
  g.compare("larger_vision_last_hidden_state", to_host(g.see(towers, t, larger, "larger_pixel_values").rows));

  const auto context = towers.decoder_reads(t, g.see(towers, t, decoded, "decoder_pixel_values"), {});
  const golden::packing rows = g.rows_of("decoder_attention_mask");
  const text_batch<B> batch(g.texts("decoder_input_ids", rows), towers.vocabulary());
  const auto logits = towers.decoder_logits(t, towers.decode(t, batch.ids(), batch.layout(), context, nullptr));
  g.compare("decoder_logits", to_host(logits), rows);

  // Texts of a user, as they are, are what is to be learnt: the loss that transformers gives for them as labels.
  const int side = g.size("decoder_pixel_values", 3);
  const auto learnt = model->prepare({decoded.data(), g.size("decoder_pixel_values", 0), 3, side, side},
                                     {.texts = g.texts("decoder_input_ids", rows)});
  typename blip_captioner<structure, B>::state nothing_carried;
  g.compare("decoder_loss", to_host(model->loss(t, nothing_carried, learnt).total));
}
