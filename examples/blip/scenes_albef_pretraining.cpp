// SPDX-License-Identifier: Apache-2.0
#include "train_model.hpp"

namespace tool {
namespace {

// ITC + ITM + MLM, distilled from the momentum model.
blip::run_result train(const training_request& q) {
  constexpr blip::itc_config F{.width = blip::scenes_features.width};
  using model = blip::albef_pretraining<blip::scenes_albef.structure, blip::cpu, F>;
  const blip::training_recipe& r = q.recipe;
  return train_model<model>(
      q, scenes_towers(blip::scenes_albef.options, q),
      blip::itc<F>(contrast_of(r)),
      blip::itm<>({.first_token = -1}, {.epsilon = 1e-4}),
      blip::mlm<>({.rate = r.masked, .mask = q.tokens.mask(), .never = {q.tokens.padding(), q.tokens.opening()}}));
}

}  // namespace

const added_trainer scenes_albef_pretraining({"albef", "pretrain", "scenes", true, blip::scenes_vit.structure.patch,
                                              train});

}  // namespace tool
