// SPDX-License-Identifier: Apache-2.0
#include "training.hpp"

#include <set>
#include <string>

namespace tool {

std::vector<compiled_trainer>& trainers() {
  static std::vector<compiled_trainer> all;
  return all;
}

const compiled_trainer& find_trainer(const blip::training_recipe& recipe) {
  const auto fits = [&](const compiled_trainer& t) {
    return t.family == recipe.family && t.task == recipe.task && t.preset == recipe.preset;
  };
  const compiled_trainer* found = nullptr;
  for (const compiled_trainer& t : trainers())  // of two, the one that the queue asks for
    if (fits(t) && (!found || t.queue == (recipe.queue > 0))) found = &t;
  if (!found) {
    std::set<std::string> names;
    for (const compiled_trainer& t : trainers())
      names.insert(std::string(t.family) + " " + std::string(t.task) + " " + std::string(t.preset));
    std::string compiled;
    for (const std::string& one : names) compiled += (compiled.empty() ? "" : ", ") + one;
    throw blip::config_error({"family, task and preset to train", compiled,
                              recipe.family + " " + recipe.task + " " + recipe.preset,
                              recipe.preset == "scenes"
                                  ? "a tool with all of them: cmake -DBLIP_TOOL_MODELS=\"\""
                                  : "--preset scenes trains with the numbers of any recipe"});
  }
  if (recipe.queue > 0 && !found->queue)
    throw blip::config_error({"recipe: queue of " + recipe.family + " " + recipe.task,
                              "0: it has no contrast",
                              std::to_string(recipe.queue),
                              {}});
  if (recipe.image_size % found->patch != 0)
    throw blip::config_error({"image_size of " + recipe.preset,
                              "a multiple of " + std::to_string(found->patch),
                              std::to_string(recipe.image_size),
                              {}});
  return *found;
}

}  // namespace tool
