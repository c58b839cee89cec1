// SPDX-License-Identifier: Apache-2.0
#include "train_command.hpp"

namespace tool {
namespace {

struct finetune_options : train_options {
  std::string task;
};

int finetune(const finetune_options& o) {
  blip::training_recipe recipe;
  recipe.task = o.task, recipe.steps = 1500, recipe.warmup_steps = 75;
  recipe.rate = 1e-3, recipe.min_rate = 5e-5;
  return train("finetune", o, recipe_for(o, {}, recipe));
}

}  // namespace

void add_finetune(CLI::App& app, job& chosen) {
  add_command<finetune_options>(
      app, chosen, "finetune", "Trains a pre-trained model for a task",
      "blip finetune --task caption --model run --data scenes:nano,split=human --out captioner",
      [](CLI::App& c, finetune_options& o) {
        c.add_option("--task", o.task, "caption: LM; retrieval: ITC and ITM, the filter of CapFilt")
            ->required()
            ->check(CLI::IsMember({"caption", "retrieval"}));
        add_train_options(c, o);
        c.add_option("--model", o.init, "What was pre-trained: a run, a model's folder, a file")->required();
      },
      finetune);
}

}  // namespace tool
