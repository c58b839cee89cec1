// SPDX-License-Identifier: Apache-2.0
#include "hf_case.hpp"
#include "support/backends.hpp"

using namespace blip;
namespace hf = golden::hf;

namespace {

constexpr tower_config structure = answerer_structure(hf::vision, hf::text);

}  // namespace

TEMPLATE_LIST_TEST_CASE("a model of transformers that answers questions loads and gives its logits", "[golden][hf]",
                        test::golden_backends) {
  using B = TestType;
  hf::published<B> g;
  owned<blip_answerer<structure, B>, B> model(1, g.folder.options(), answer_list<>());
  const auto& towers = model->towers();
  CHECK(load_model(g.folder, structure, model.values()).unused.empty());

  auto t = model.inference(g.dev);
  const auto pixels = g.pixels("pixel_values");
  const auto seen = g.see(towers, t, pixels, "pixel_values");
  g.compare("vision_last_hidden_state", to_host(seen.rows));
  const golden::packing asked = g.rows_of("question_mask"), said = g.rows_of("answer_mask");
  const text_batch<B> questions(g.texts("question_ids", asked), towers.vocabulary()),
      answers(g.texts("answer_ids", said), towers.vocabulary());
  std::vector<int> picture_of;  // question j is about picture j, from the first again behind the last
  for (int j = 0; j < g.size("question_ids", 0); ++j) picture_of.push_back(j % g.size("pixel_values", 0));
  const buffer<B, int> source{std::span<const int>(picture_of)};
  const auto states = towers.multimodal(t, questions.ids(), questions.layout(), towers.project(t, seen), source.data());
  g.compare("question_states", to_host(states), asked);
  const auto read = towers.project_states(t, states, questions.layout());
  const auto logits = towers.decoder_logits(t, towers.decode(t, answers.ids(), answers.layout(), read, nullptr));
  g.compare("answer_logits_masked", to_host(logits), said);
}
