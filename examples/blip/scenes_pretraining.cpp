// SPDX-License-Identifier: Apache-2.0
#include "scenes_compositions.hpp"
#include "train_model.hpp"

namespace tool {
namespace {

template <blip::itc_config F>
blip::run_result train(const training_request& q) {
  return compose_scenes_blip<blip::cpu, F>(q, [&]<class Model>(const auto& towers, const auto&... losses) {
    return train_model<Model>(q, towers, losses...);
  });
}

}  // namespace

const added_trainer scenes_blip_pretraining({"blip", "pretrain", "scenes", false, scenes_patch,
                                             train<scenes_in_batch>});
const added_trainer scenes_blip_pretraining_momentum({"blip", "pretrain", "scenes", true, scenes_patch,
                                                      train<scenes_with_queue>});

}  // namespace tool
