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
  std::vector<weighted_set> data;  // pairs; of tasks with records of their own none
  std::vector<std::string> specs;  // what --data says
  blip::wordpiece tokens;
  std::string out, init;  // init: weights to begin with; empty: drawn at random
  blip::run_facts facts{};
  std::int64_t checkpoint_every = 500, log_every = 25;
  std::uint64_t seed = 0;
  compute on{};
  std::function<bool()> stop{};
  std::function<void(std::string_view)> told{};  // empty: in silence
};

// How pairs of a generated world are trained on where nothing else is said.
inline blip::training_recipe usual_pretraining(const std::string& family) {
  blip::training_recipe r;
  if (family == "albef") r.family = "albef", r.queue = 1024, r.cleaning = "albef";
  return r;
}

// A composition of one size that was compiled for training, under what `--family`, `--task` and `--preset` call it.
struct compiled_trainer {
  std::string_view family, task, preset;
  bool queue;  // whether it has one, and a momentum model for it; one without serves recipes without
  int patch;
  // Trains into request.out; a run that is over leaves weights.safetensors, vocab.txt and, where transformers has a
  // class for it, model/.
  blip::run_result (*train)(const training_request&);
};

// Throws config_error that names what was compiled.
const compiled_trainer& find_trainer(const blip::training_recipe& recipe);

// Tasks that train on records of their own instead of pairs.
inline bool has_records(const blip::training_recipe& r) {
  return r.task == "vqa" || r.task == "nlvr" || r.task == "entailment";
}

// Those that were compiled. Each source adds its own before main begins, so that a build may leave some out.
std::vector<compiled_trainer>& trainers();
struct added_trainer {
  explicit added_trainer(const compiled_trainer& t) { trainers().push_back(t); }
};

}  // namespace tool
