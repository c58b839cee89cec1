// SPDX-License-Identifier: Apache-2.0
#include "scenes_answers.hpp"

#include <filesystem>
#include <utility>

#include "blip/backend/cpu.hpp"
#include "blip/data/scenes/pairs.hpp"
#include "blip/io/model_folder.hpp"
#include "blip/layers/owned.hpp"
#include "blip/tasks/answerer.hpp"
#include "blip/tasks/classifier.hpp"
#include "blip/text/vocabulary.hpp"
#include "presets.hpp"

using namespace blip;

namespace {

tower_options with_words(tower_options sizes, int words) {
  for (text_options* text : {&sizes.text, &sizes.decoder}) text->embedding.vocabulary = words;
  return sizes;
}

// A model of the size of scenes with parameters drawn at random, and its file, FOLDER/NAME.safetensors.
template <class Model>
struct drawn {
  using loss_type = std::remove_cvref_t<decltype(std::declval<Model&>().template loss_at<0>())>;

  drawn(const std::string& folder, const std::string& name, const tower_preset& preset, int words)
      : model(1, with_words(preset.options, words), loss_type()) {
    initialise(model.values(), 3, {.tables = 1, .by_fan_in = true});
    save_weights(folder + "/" + name + ".safetensors", model.values(), {.every_name = true});
  }

  owned<Model, cpu> model;
};

struct asked {
  std::string folder;
  std::span<const image> pictures;
  evaluation_view_options view{.height = 32, .width = 32};
  std::vector<std::string> questions{"What is it?", "is it (very) large?"};
  std::vector<std::string> answers{"red", "a red circle", "a blue square", "yes", "no", "a red ring"};
  std::string expected{};
  device<cpu> d{};

  template <class Model>
  void answer(const std::string& name, const tower_preset& preset, const wordpiece& tokens) {
    const drawn<Model> of(folder, name, preset, tokens.size());
    const answerer<Model> a(*of.model, of.model.values(), tokens,
                            {.view = view, .longest = 32, .rules = {.max_tokens = 9}});
    const std::vector<int> about{0, 0};
    for (const auto& best : a(d, pictures, questions, about)) expected += name + "-vqa " + best.at(0).text + "\n";
    for (const auto& best : a.rank(d, pictures, questions, answers, about)) {
      expected += name + "-rank";
      for (const answer_choice& c : best) expected += " " + exact_digits(c.details.score);
      expected += "\n";
    }
  }
  template <class Model>
  void classify(const std::string& name, const tower_preset& preset, const wordpiece& tokens) {
    const drawn<Model> of(folder, name, preset, tokens.size());
    const classifier<Model> c(*of.model, of.model.values(), tokens, {.view = view, .longest = 32});
    const std::vector<std::string> text{"A red circle, or a (blue) square."};
    std::vector<int> about{0};
    if (Model::pictures_per_text == 2) about.push_back(1);
    const auto found = c(d, pictures, text, about);
    for (const double p : found.at(0)) expected += name + " " + exact_digits(p) + "\n";
  }
};

}  // namespace

void write_answers(const std::string& folder, std::span<const image> pictures) {
  std::filesystem::create_directories(folder);
  const vocabulary bert(scenes::word_list(scenes::world_size::nano));
  std::string words;
  for (int id = 0; id < bert.size(); ++id) words += bert.token(id) + '\n';
  write_file(folder + "/vocab.txt", words);
  asked all{folder, pictures};
  std::string lines;
  for (const std::string& a : all.answers) lines += a + '\n';
  write_file(folder + "/answers.txt", lines);
  const wordpiece blips = blip_tokenizer(bert), albefs = albef_tokenizer(bert);
  all.answer<blip_answerer<tool::scenes_blip_answering.structure, cpu>>("blip", tool::scenes_blip_answering, blips);
  all.answer<albef_answerer<tool::scenes_albef_answering.structure, cpu>>("albef", tool::scenes_albef_answering,
                                                                          albefs);
  all.classify<albef_entailment<tool::scenes_entailing.structure, cpu>>("entail", tool::scenes_entailing, albefs);
  all.classify<blip_pair_reasoning<tool::scenes_blip_reasoning.structure, cpu>>("blip-pairs",
                                                                                tool::scenes_blip_reasoning, blips);
  all.classify<albef_pair_reasoning<tool::scenes_albef_reasoning.structure, cpu>>("albef-pairs",
                                                                                  tool::scenes_albef_reasoning, albefs);
  write_file(folder + "/expected.txt", all.expected);
}
