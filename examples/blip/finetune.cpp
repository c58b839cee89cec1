// SPDX-License-Identifier: Apache-2.0
#include "train_command.hpp"
#include "training.hpp"

namespace tool {
namespace {

struct finetune_options : train_options {
  std::string task, family;
};

int finetune(const finetune_options& o) {
  blip::training_recipe recipe;
  recipe.task = o.task, recipe.steps = 1500, recipe.warmup_steps = 75;
  recipe.rate = 1e-3, recipe.min_rate = 5e-5;
  if (o.family == "albef" || (o.family.empty() && o.task == "entailment"))  // which BLIP has no model of
    recipe.family = "albef", recipe.cleaning = "albef", recipe.label_smoothing = 0;
  if (recipe.family == "albef" && blip::learns_to_match(recipe)) recipe.queue = usual_pretraining("albef").queue;
  return train("finetune", o, recipe_for(o, o.family, recipe));
}

}  // namespace

void add_finetune(CLI::App& app, job& chosen) {
  add_command<finetune_options>(
      app, chosen, "finetune", "Trains a pre-trained model for a task",
      "blip finetune --task caption --model run --data scenes:nano,split=human --out captioner",
      [](CLI::App& c, finetune_options& o) {
        c.add_option("--task", o.task,
                     "caption: LM; retrieval: ITC and ITM, the filter of CapFilt; vqa: answers to questions, of "
                     "vqa:FILE,root=DIR; nlvr: statements about two pictures, of nlvr:FILE,root=DIR; entailment, of "
                     "snli-ve:FILE,root=DIR; these three also of scenes:SIZE,split=S; grounding: ITC and ITM, of pairs or "
                     "refcoco:FILE,root=DIR")
            ->required()
            ->check(CLI::IsMember({"caption", "retrieval", "vqa", "nlvr", "entailment", "grounding"}));
        c.add_option("--family", o.family, "That of the model. Default: that of --options, or blip; of entailment albef")
            ->check(CLI::IsMember({"albef", "blip"}));
        add_train_options(c, o);
        c.add_option("--model", o.init, "What was pre-trained: a run, a model's folder, a file")->required();
      },
      finetune);
}

}  // namespace tool
