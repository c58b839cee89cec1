// SPDX-License-Identifier: Apache-2.0
#include "presets.hpp"
#include "scenes_compositions.hpp"
#include "train_model.hpp"

namespace tool {
namespace {

// ITC + ITM, distilled from the momentum model where the recipe has an alpha: retrieval and grounding, as published.
blip::run_result albef_matching(const training_request& q) {
  return train_model<blip::albef_retrieval<scenes_entailing.structure, blip::cpu, scenes_with_queue>>(
      q, scenes_towers(scenes_entailing.options, q), blip::itc<scenes_with_queue>(contrast_of(q.recipe)),
      blip::itm<>({.first_token = -1}, {.epsilon = 1e-4}));
}

}  // namespace

const added_trainer scenes_albef_retrieving({"albef", "retrieval", "scenes", true, scenes_patch, albef_matching});
const added_trainer scenes_albef_grounding({"albef", "grounding", "scenes", true, scenes_patch, albef_matching});

}  // namespace tool
