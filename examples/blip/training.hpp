// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "blip/config/towers.hpp"
#include "blip/text/wordpiece.hpp"
#include "blip/train/trainer.hpp"
#include "blip/train/training_recipe.hpp"
#include "compute.hpp"
#include "own_data.hpp"

// What `pretrain` and `finetune` ask of a model, whatever its size and losses.
namespace tool {

struct training_request {
  blip::training_recipe recipe;
  std::vector<weighted_set> data;
  blip::wordpiece tokens;
  std::string out, init;  // init: weights to begin with; empty: drawn at random
  blip::run_facts facts{};
  std::int64_t checkpoint_every = 500, log_every = 25;
  std::uint64_t seed = 0;
  compute on{};
  std::function<bool()> stop{};
  std::function<void(std::string_view)> told{};  // empty: in silence
};

// A composition of one size that was compiled for training, under what `--family`, `--task` and `--preset` call it.
struct compiled_trainer {
  std::string_view family, task, preset;
  bool momentum;  // whether it has a momentum model; one without serves recipes without a queue
  int patch;
  // Trains into request.out; a run that is over leaves weights.safetensors, vocab.txt and, where transformers has a
  // class for it, model/.
  blip::run_result (*train)(const training_request&);
};

// Throws config_error that names what was compiled.
const compiled_trainer& find_trainer(const blip::training_recipe& recipe);

// One source each: scenes_pretraining.cpp and so on.
extern const compiled_trainer scenes_blip_pretraining, scenes_blip_pretraining_momentum, scenes_albef_pretraining,
    scenes_blip_captioning, scenes_blip_retrieving, scenes_blip_retrieving_momentum;

}  // namespace tool
