// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "blip/train/training_recipe.hpp"
#include "common.hpp"

namespace tool {

// What `pretrain` and `finetune` have in common on the command line.
struct train_options {
  std::string preset = "scenes", options, vocabulary, out, init;
  std::vector<std::string> data;
  std::int64_t steps = 0, checkpoint_every = 500, log_every = 25;  // steps, batch, ...: 0 is what the recipe says
  int batch = 0, accumulate = 0, side = 0, queue = -1;
  double rate = 0;
  bool resume = false;
  common_options common;
};

void add_train_options(CLI::App& c, train_options& o);

// The recipe of a file, else `otherwise`, with what the command line says instead. Throws config_error for a recipe of
// another family (if one is named) or task; format_error.
blip::training_recipe recipe_for(const train_options& o, const std::string& family,
                                 const blip::training_recipe& otherwise);

// Opens data and words, trains, says where everything is.
int train(const std::string& command, const train_options& o, const blip::training_recipe& recipe);

}  // namespace tool
