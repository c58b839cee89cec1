// SPDX-License-Identifier: Apache-2.0
#include "save_stages.hpp"

#include <filesystem>

#include "blip/backend/cpu.hpp"
#include "blip/io/model_folder.hpp"
#include "blip/layers/owned.hpp"
#include "blip/models/scenes.hpp"

namespace tool {
namespace {

template <class Model, class... Losses>
void save_stage(const std::string& stage, const blip::tower_config& structure, const blip::tower_options& towers,
                const blip::wordpiece& tokens, const Losses&... losses) {
  blip::owned<Model, blip::cpu> model(0, towers, losses...);
  blip::load_weights(stage + "/weights.safetensors", model.values(), {.ignore_unexpected = true});
  blip::model_config config = blip::to_model_config(structure, towers, blip::scenes_features.width);
  config.start_token = tokens.id("[DEC]"), config.stop_token = tokens.closing();
  config.padding_token = tokens.padding();
  // What training alone needs has no name in this layout.
  blip::save_model(stage + "/model", config, model.values(), {.leave_out = {"temp"}});
  std::string words;
  for (int id = 0; id < tokens.size(); ++id) words += tokens.tokens().token(id) + '\n';
  blip::write_file(stage + "/model/vocab.txt", words);
}

}  // namespace

void save_captioner(const std::string& run, const blip::tower_options& towers, const blip::wordpiece& tokens) {
  save_stage<blip::scenes_captioner<blip::cpu>>(run, blip::scenes_blip_decoder, towers, tokens,
                                                blip::lm({.first_token = tokens.id("[DEC]")}));
}
void save_filter(const std::string& run, const blip::tower_options& towers, const blip::wordpiece& tokens) {
  save_stage<blip::scenes_filter<blip::cpu>>(run, blip::scenes_blip_encoder, towers, tokens,
                                             blip::itc<blip::scenes_features>(blip::itc_options{.queue = 0}),
                                             blip::itm<>({.first_token = tokens.id("[ENC]")}));
}

void save_stages(const std::string& run, const blip::tower_options& towers, const blip::wordpiece& tokens) {
  blip::tower_options writer = towers, judge = towers;
  writer.text = {}, judge.decoder = {};
  const auto is_over = [&](const std::string& stage) { return std::filesystem::exists(stage + "/weights.safetensors"); };
  if (is_over(run + "/captioner")) save_captioner(run + "/captioner", writer, tokens);
  if (is_over(run + "/filter")) save_filter(run + "/filter", judge, tokens);
}

}  // namespace tool
