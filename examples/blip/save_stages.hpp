// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "blip/config/towers.hpp"
#include "blip/text/wordpiece.hpp"

namespace tool {

// Writes RUN/model of a finished run of the size of scenes, from its weights.safetensors, as a folder that `--model`
// and transformers read: weights, config.json, vocab.txt. The towers are those of the task.
void save_captioner(const std::string& run, const blip::tower_options& towers, const blip::wordpiece& tokens);
void save_filter(const std::string& run, const blip::tower_options& towers, const blip::wordpiece& tokens);

// Those of a main job whose stages are over, with its own towers: RUN/captioner/model and RUN/filter/model.
void save_stages(const std::string& run, const blip::tower_options& towers, const blip::wordpiece& tokens);

}  // namespace tool
