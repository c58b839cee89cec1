// SPDX-License-Identifier: Apache-2.0
#include "training.hpp"

#include <array>

namespace tool {

const compiled_trainer& find_trainer(const blip::training_recipe& recipe) {
  static constexpr std::array all{&scenes_blip_pretraining,  &scenes_blip_pretraining_momentum,
                                  &scenes_albef_pretraining, &scenes_blip_captioning,
                                  &scenes_blip_retrieving,   &scenes_blip_retrieving_momentum};
  const auto fits = [&](const compiled_trainer& t) {
    return t.family == recipe.family && t.task == recipe.task && t.preset == recipe.preset;
  };
  const compiled_trainer* found = nullptr;
  for (const compiled_trainer* t : all)  // of two, the one that the queue asks for
    if (fits(*t) && (!found || t->momentum == (recipe.queue > 0))) found = t;
  if (!found) {
    std::string compiled;
    for (const compiled_trainer* t : all) {
      const std::string one = std::string(t->family) + " " + std::string(t->task) + " " + std::string(t->preset);
      if (compiled.find(one) == compiled.npos) compiled += (compiled.empty() ? "" : ", ") + one;
    }
    throw blip::config_error({"family, task and preset to train", compiled,
                              recipe.family + " " + recipe.task + " " + recipe.preset,
                              "--preset scenes trains with the numbers of any recipe"});
  }
  if (recipe.queue > 0 && !found->momentum)
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
