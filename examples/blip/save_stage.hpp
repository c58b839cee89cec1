// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "blip/backend/cpu.hpp"
#include "blip/io/model_folder.hpp"
#include "blip/layers/owned.hpp"
#include "blip/models/scenes.hpp"
#include "blip/text/wordpiece.hpp"

namespace tool {

// STAGE/model of a finished STAGE/weights.safetensors, in the layout of transformers.
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

}  // namespace tool
