// SPDX-License-Identifier: Apache-2.0
#include "save_stages.hpp"
#include "scenes_compositions.hpp"
#include "train_model.hpp"

namespace tool {
namespace {

blip::run_result caption(const training_request& q) {
  blip::tower_options towers = scenes_towers(blip::scenes_blip.options, q);
  towers.text = {};
  const int prompt = q.recipe.prompt.empty() ? 0 : static_cast<int>(q.tokens.open(q.recipe.prompt).size());
  const blip::run_result result = train_model<blip::scenes_captioner<blip::cpu>>(
      q, towers,
      blip::lm({.first_token = q.tokens.id("[DEC]"), .smoothing = q.recipe.label_smoothing, .prompt = prompt}));
  if (result.end == blip::run_end::finished) save_captioner(q.out, towers, q.tokens);
  return result;
}

// ITC + ITM; with a queue also the momentum model, as published.
template <class Model, blip::itc_config F>
blip::run_result retrieve(const training_request& q) {
  blip::tower_options towers = scenes_towers(blip::scenes_blip.options, q);
  towers.decoder = {};
  const blip::run_result result =
      train_model<Model>(q, towers, blip::itc<F>(contrast_of(q.recipe)),
                         blip::itm<>({.first_token = q.tokens.id("[ENC]")}, {.epsilon = 1e-4}));
  if (result.end == blip::run_end::finished) save_filter(q.out, towers, q.tokens);
  return result;
}

constexpr auto in_batch = retrieve<blip::scenes_filter<blip::cpu>, scenes_in_batch>;
constexpr auto with_queue =
    retrieve<blip::blip_retrieval<blip::scenes_blip_encoder, blip::cpu, scenes_with_queue>, scenes_with_queue>;

}  // namespace

const added_trainer scenes_blip_captioning({"blip", "caption", "scenes", false, scenes_patch, caption});
const added_trainer scenes_blip_retrieving({"blip", "retrieval", "scenes", false, scenes_patch, in_batch});
const added_trainer scenes_blip_retrieving_momentum({"blip", "retrieval", "scenes", true, scenes_patch, with_queue});
const added_trainer scenes_blip_grounding({"blip", "grounding", "scenes", false, scenes_patch, in_batch});
const added_trainer scenes_blip_grounding_momentum({"blip", "grounding", "scenes", true, scenes_patch, with_queue});

}  // namespace tool
