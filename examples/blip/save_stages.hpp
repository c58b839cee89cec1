// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "blip/config/towers.hpp"
#include "blip/text/wordpiece.hpp"

namespace tool {

// Writes captioner and filter of a finished run on scenes, RUN/captioner/model and RUN/filter/model, as folders that
// `--model` and transformers read: weights, config.json, vocab.txt.
void save_stages(const std::string& run, const blip::tower_options& towers, const blip::wordpiece& tokens);

}  // namespace tool
