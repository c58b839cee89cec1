// SPDX-License-Identifier: Apache-2.0
#include "bench.hpp"
#include "scenes_compositions.hpp"
#include "support/counted_step.hpp"

namespace tool {
namespace {

using blip_test::counts_only;

auto counted(const training_request& q, const std::vector<std::vector<int>>& texts) {
  return [&]<class Model>(const auto& towers, const auto&... losses) {
    blip::examples e;
    e.texts = texts;
    const blip_test::work w = blip_test::counted_step<Model>(towers, e, q.recipe.image_size, losses...);
    return 2 * (w.forward.all() + w.backward.all() + w.recomputed.all()) / static_cast<double>(texts.size());
  };
}

template <blip::itc_config F>
double work_of_blip(const training_request& q, const std::vector<std::vector<int>>& texts) {
  return compose_scenes_blip<counts_only, F>(q, counted(q, texts));
}
double work_of_albef(const training_request& q, const std::vector<std::vector<int>>& texts) {
  return compose_scenes_albef<counts_only>(q, counted(q, texts));
}

}  // namespace

const added_count scenes_blip_work({"blip", "scenes", false, work_of_blip<scenes_in_batch>});
const added_count scenes_blip_momentum_work({"blip", "scenes", true, work_of_blip<scenes_with_queue>});
const added_count scenes_albef_work({"albef", "scenes", true, work_of_albef});

}  // namespace tool
