// SPDX-License-Identifier: Apache-2.0
#include "train_command.hpp"
#include "training.hpp"

namespace tool {
namespace {

struct pretrain_options : train_options {
  std::string family;
};

int pretrain(const pretrain_options& o) {
  return train("pretrain", o, recipe_for(o, o.family, usual_pretraining(o.family)));
}

}  // namespace

void add_pretrain(CLI::App& app, job& chosen) {
  add_command<pretrain_options>(
      app, chosen, "pretrain", "Trains a model on pairs of picture and caption, from nothing or from weights",
      "blip pretrain --family blip --data scenes:nano --out run\n"
      "  blip pretrain --family albef --data jsonl:pairs.jsonl,root=pictures --options "
      "examples/recipes/albef_pretrain.json "
      "--steps 20000 --out run",
      [](CLI::App& c, pretrain_options& o) {
        c.add_option("--family", o.family,
                     "albef: ITC, ITM, MLM; blip: ITC, ITM, LM. Default: that of --options, or blip")
            ->check(CLI::IsMember({"albef", "blip"}));
        add_train_options(c, o);
        c.add_option("--init", o.init, "Weights to begin with: a run, a model's folder, a file");
      },
      pretrain);
}

}  // namespace tool
