// SPDX-License-Identifier: Apache-2.0
#include <numeric>

#include "hf_case.hpp"
#include "support/backends.hpp"

using namespace blip;
namespace hf = golden::hf;

namespace {

constexpr tower_config structure = encoder_structure(hf::vision, hf::text);

}  // namespace

TEMPLATE_LIST_TEST_CASE("a retrieval model of transformers loads and gives its scores", "[golden][hf]",
                        test::golden_backends) {
  using B = TestType;
  using S = typename B::scalar;
  using M = blip_retrieval<structure, B, hf::features>;
  hf::published<B> g;
  CHECK(g.folder.config().projection == hf::features.width);
  owned<M, B> model(1, g.folder.options(), itc<hf::features>(), itm<>({.first_token = -1}));
  const load_report report = load_model(g.folder, structure, model.values());
  CHECK(report.layout == weights_layout::transformers);
  CHECK(report.kept == std::vector<std::string>{"temp"});
  CHECK(report.unused.empty());

  const auto pixels = g.pixels("pixel_values");
  auto t = model.inference(g.dev);
  const auto& towers = model->towers();
  const auto seen = g.see(towers, t, pixels, "pixel_values");
  g.compare("vision_last_hidden_state", to_host(seen.rows));

  const golden::packing rows = g.rows_of("text_mask");
  const text_batch<B> batch(g.texts("text_ids", rows), towers.vocabulary());
  const auto states = towers.text(t, batch.ids(), batch.layout());
  g.compare("text_states", to_host(states), rows);

  const int pictures = g.size("itc_scores", 0), texts = g.size("itc_scores", 1), tokens = g.size("vision_last_hidden_state", 1);
  std::vector<int> class_rows;
  for (int i = 0; i < pictures; ++i) class_rows.push_back(i * tokens);
  const buffer<B, int> firsts{std::span<const int>(class_rows)};
  const auto image =
      to_host(model->template head_at<0>().image(t, ops::gather_rows(t, seen.rows, firsts.data(), pictures)));
  const auto text =
      to_host(model->template head_at<0>().text(t, ops::gather_rows(t, states, batch.layout().begins, texts)));
  std::vector<S> cosine;
  for (auto v = image.begin(); v != image.end(); v += hf::features.width)
    for (auto w = text.begin(); w != text.end(); w += hf::features.width)
      cosine.push_back(std::inner_product(v, v + hf::features.width, w, S(0)));
  g.compare("itc_scores", cosine);

  // Every text with every picture: the source index says which.
  const auto read = towers.project(t, seen);
  std::vector<S> matching;
  for (int i = 0; i < pictures; ++i) {
    const buffer<B, int> source{std::span<const int>(std::vector<int>(static_cast<std::size_t>(texts), i))};
    const auto fused = towers.multimodal(t, batch.ids(), batch.layout(), read, source.data());
    if (i == 0) g.compare("fused_states_image0", to_host(fused), rows);
    const auto logits =
        to_host(model->template head_at<1>().forward(t, ops::gather_rows(t, fused, batch.layout().begins, texts)));
    matching.insert(matching.end(), logits.begin(), logits.end());
  }
  g.compare("itm_logits", matching);
}
