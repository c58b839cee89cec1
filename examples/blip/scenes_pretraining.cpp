// SPDX-License-Identifier: Apache-2.0
#include "train_model.hpp"

namespace tool {
namespace {

// ITC + ITM + LM; with a queue also the momentum model, as published.
template <class Model, blip::itc_config F>
blip::run_result train(const training_request& q) {
  const blip::training_recipe& r = q.recipe;
  return train_model<Model>(q, scenes_towers(blip::scenes_blip.options, q),
                            blip::itc<F>(contrast_of(r)),
                            blip::itm<>({.first_token = q.tokens.id("[ENC]")}, {.epsilon = 1e-4}),
                            blip::lm({.first_token = q.tokens.id("[DEC]"), .smoothing = r.label_smoothing}));
}

constexpr blip::itc_config in_batch = blip::scenes_features;
constexpr blip::itc_config with_queue{.width = in_batch.width};
constexpr int patch = blip::scenes_vit.structure.patch;

}  // namespace

const added_trainer scenes_blip_pretraining(
    {"blip", "pretrain", "scenes", false, patch, train<blip::scenes_pretraining<blip::cpu>, in_batch>});
const added_trainer scenes_blip_pretraining_momentum(
    {"blip", "pretrain", "scenes", true, patch,
     train<blip::blip_pretraining<blip::scenes_blip.structure, blip::cpu, with_queue>, with_queue>});

}  // namespace tool
