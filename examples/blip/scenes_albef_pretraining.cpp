// SPDX-License-Identifier: Apache-2.0
#include "scenes_compositions.hpp"
#include "train_model.hpp"

namespace tool {
namespace {

blip::run_result train(const training_request& q) {
  return compose_scenes_albef<blip::cpu>(q, [&]<class Model>(const auto& towers, const auto&... losses) {
    return train_model<Model>(q, towers, losses...);
  });
}

}  // namespace

const added_trainer scenes_albef_pretraining({"albef", "pretrain", "scenes", true, scenes_patch, train});

}  // namespace tool
