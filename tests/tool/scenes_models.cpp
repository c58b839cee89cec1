// SPDX-License-Identifier: Apache-2.0
//
// scenes_models FOLDER: writes two models of the size of scenes with parameters drawn at random, as a finished run
// leaves them, three pictures, and what the library itself says of the pictures: expected.txt, which tests/tool/run.sh
// compares with what the tool says.
#include <cstdio>
#include <filesystem>

#include "blip/backend/cpu.hpp"
#include "blip/data/scenes/pairs.hpp"
#include "blip/image/image_file.hpp"
#include "blip/io/model_folder.hpp"
#include "blip/layers/owned.hpp"
#include "blip/models/scenes.hpp"
#include "blip/tasks/captioner.hpp"
#include "blip/tasks/grounder.hpp"
#include "blip/tasks/matcher.hpp"
#include "blip/tasks/retriever.hpp"
#include "blip/text/vocabulary.hpp"
#include "save_stages.hpp"
#include "scenes_answers.hpp"

using namespace blip;

namespace {

template <class Model>
void save_stage(const std::string& stage, const owned<Model, cpu>& model) {
  std::filesystem::create_directories(stage);
  save_weights(stage + "/weights.safetensors", model.values(), {.every_name = true});
}

void write(const std::string& folder) {
  const scenes::world world(scenes::world_size::nano);
  const wordpiece tokens = blip_tokenizer(vocabulary(scenes::word_list(world.size())));
  const tower_options towers = with_vocabulary(scenes_blip.options, tokens.size());
  tower_options writer = towers, judge = towers;
  writer.text = {}, judge.decoder = {};
  owned<scenes_captioner<cpu>, cpu> speaker(1, writer, lm());
  owned<scenes_filter<cpu>, cpu> filter(2, judge, itc<scenes_features>(itc_options{.queue = 0}), itm<>());
  const initial_spread wide{.tables = 1, .by_fan_in = true};  // or every picture would have the same caption
  initialise(speaker.values(), 1, wide), initialise(filter.values(), 2, wide);
  save_stage(folder + "/captioner", speaker);
  save_stage(folder + "/filter", filter);
  tool::save_stages(folder, towers, tokens);

  std::vector<image> pictures;
  const scenes::pairs some(world, scenes::split::test);
  std::filesystem::create_directories(folder + "/pictures");
  for (std::uint64_t i = 0; i < 3; ++i) {
    pictures.push_back(some.sample(10 * i).picture);
    write_image(folder + "/pictures/" + std::to_string(i) + ".png", pictures.back());
  }
  device<cpu> d;
  const evaluation_view_options view{.height = 32, .width = 32};
  const captioner<scenes_captioner<cpu>> describe(*speaker, speaker.values(), tokens,
                                                  {.view = view, .how = sampler::greedy, .rules = {.max_tokens = 9}});
  const matcher<scenes_filter<cpu>> match(*filter, filter.values(), tokens, {.view = view});
  const std::vector<std::string> texts{"a red circle", "a blue square"};
  const std::vector<pair_of> pairs{{0, 0}, {0, 1}, {1, 0}, {1, 1}, {2, 0}, {2, 1}};
  std::string expected;
  for (const auto& best : describe(d, pictures)) expected += "caption " + best.at(0).text + "\n";
  for (const double p : match.probabilities(d, pictures, texts, pairs)) expected += "match " + exact_digits(p) + "\n";
  for (const profile like : {profile::official, profile::lavis, profile::transformers}) {
    matcher_options o{.view = view};
    o.follow(rules_of(like));
    const matcher<scenes_filter<cpu>> as(*filter, filter.values(), tokens, o);
    for (const double p : as.probabilities(d, pictures, texts, pairs))
      expected += "match-" + std::string(profile_names[static_cast<std::size_t>(like)]) + " " + exact_digits(p) + "\n";
  }
  const retriever<scenes_filter<cpu>> find(*filter, filter.values(), tokens, {.view = view, .longest = 32});
  const auto all = find.pictures(d, pictures);
  const auto best = find.find_pictures(d, all, find.texts(d, {texts.data(), 1}), 3);
  for (const found_match& m : best.at(0))
    expected += "retrieve " + std::to_string(m.number) + ".png " + exact_digits(m.score) + "\n";
  const grounder<scenes_filter<cpu>> ground(*filter, filter.values(), tokens, {.view = view, .longest = 32});
  for (const float v : ground(d, pictures[0], texts[0]).sentence)
    expected += "ground " + exact_digits(static_cast<double>(v)) + "\n";
  write_file(folder + "/expected.txt", expected);
  write_answers(folder + "/answers", pictures);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    write(argv[1]);
    return 0;
  } catch (const error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
