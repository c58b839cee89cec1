// SPDX-License-Identifier: Apache-2.0
#include "blip/models/blip.hpp"
#include "generated_ids.hpp"
#include "golden_model.hpp"
#include "support/backends.hpp"

using namespace blip;
namespace c = golden::c;

namespace {

constexpr tower_config structure = answerer_structure(golden::vision, golden::encoder);
const tower_options options{golden::vision_options, golden::encoder_options, golden::encoder_options};

}  // namespace

// The published code lets the decoder read the states of padding too. They are not computed here, so it gets the stored
// ones; those of real tokens are compared.
TEMPLATE_LIST_TEST_CASE("answers equal those of the published code", "[golden][generate]", test::golden_backends) {
  using B = TestType;
  using S = typename B::scalar;
  const golden::test_case<S> g{std::string(c::directory)};
  owned<blip_answerer<structure, B>, B> model(1, options, answer_list<>{});
  g.load(model.values());
  device<B> dev;
  const auto& towers = model->towers();
  auto t = model.inference(dev);
  const int n = static_cast<int>(g.inputs.shape("images")[0]);
  const auto pixels = golden::to_device<B>(g.inputs.template read<S>("images"));
  const auto pictures =
      towers.images(t, golden::images_of(t, picture_batch<B>{pixels.data(), n, 3, c::image_size, c::image_size}));
  g.compare("image_embeds", to_host(pictures.rows), "outputs");

  const auto mask = g.inputs.template read<int>("question_attention_mask");
  const golden::packing rows(mask, n);
  const text_batch<B> questions(
      golden::texts_of(g.inputs.template read<int>("question_input_ids"), mask, static_cast<std::size_t>(n)),
      c::vocab_size, c::enc_id);
  const auto states = towers.multimodal(t, questions.ids(), questions.layout(), towers.project(t, pictures), nullptr);
  g.compare("question_states", rows.unpack(to_host(states), c::text_hidden), "outputs", rows.used);

  const auto padded = golden::to_device<B>(g.expected.template read<S>("question_states"));
  const int length = static_cast<int>(g.expected.shape("question_states")[1]);
  const auto read = t.template input<c::text_hidden>(golden::rows_of(padded.data(), n * length, c::text_hidden));
  const auto& d = towers.decoder();
  decoder_model answerer(t, d.text, d.head, d.text.project(t, read, sequence_layout::uniform(n, length)));
  const std::vector<std::vector<int>> prompts(static_cast<std::size_t>(n), {c::bos_id});
  const token_rules rules = golden::rules_of(c::sep_id, c::runs_beam3_min_length, c::runs_beam3_max_length, 1,
                                             c::runs_beam3_repetition_penalty);
  const generated_texts found = beam_search(answerer, prompts, rules, {.beams = c::runs_beam3_num_beams});
  golden::compare_ids(found, prompts, golden::rows_of_ids(g.expected.template read<int>("sequences"), prompts.size()),
                      c::pad_id);
  g.compare("sequences_scores", golden::scores_of<S>(found), "outputs");
}
