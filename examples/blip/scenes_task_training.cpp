// SPDX-License-Identifier: Apache-2.0
#include "blip/train/record_batches.hpp"
#include "presets.hpp"
#include "save_stage.hpp"
#include "scenes_compositions.hpp"
#include "train_model.hpp"

namespace tool {
namespace {

using blip::cpu;

// A task of one loss, on the records of the request.
template <class Model, class Record, class Loss>
blip::run_result on_records(const training_request& q, const blip::tower_preset& sizes, const Loss& loss) {
  const auto skipped = std::make_shared<blip::skipped_samples>();
  const blip::record_set<Record> all = blip::open_record_set<Record>(
      blip::parse_data_spec(q.specs.at(0)), decoder_for(q.recipe.augment ? 0 : q.recipe.image_size), skipped.get());
  // What a task adds to the pre-trained towers begins at random; words that the model did not know as well.
  return train_on<Model>(
      q, scenes_towers(sizes.options, q), {all.size, skipped, blip::initial_weights()},
      [&](const blip::pair_batch_options& o) { return blip::record_batches<Model, Record>(all, q.tokens, o, skipped); },
      loss);
}

blip::run_result blip_answering(const training_request& q) {
  using model = blip::blip_answerer<scenes_blip_answering.structure, cpu>;
  const blip::answer_list<> loss({.question_token = q.tokens.id("[ENC]"),
                                  .answer_token = q.tokens.id("[DEC]"),
                                  .smoothing = q.recipe.label_smoothing});
  const blip::run_result r = on_records<model, blip::vqa_record>(q, scenes_blip_answering, loss);
  if (r.end == blip::run_end::finished)
    save_stage<model>(q.out, scenes_blip_answering.structure, scenes_towers(scenes_blip_answering.options, q), q.tokens,
                      loss);
  return r;
}
blip::run_result albef_answering(const training_request& q) {
  using model = blip::albef_answerer<scenes_albef_answering.structure, cpu>;
  return on_records<model, blip::vqa_record>(
      q, scenes_albef_answering,
      blip::answer_list<blip::teacher::momentum>(
          {.question_token = -1, .answer_token = -1, .smoothing = q.recipe.label_smoothing}));
}
blip::run_result blip_reasoning(const training_request& q) {
  return on_records<blip::blip_pair_reasoning<scenes_blip_reasoning.structure, cpu>, blip::nlvr2_record>(
      q, scenes_blip_reasoning, blip::classification<2, blip::teacher::none, 2>({.first_token = q.tokens.id("[ENC]")}));
}
blip::run_result albef_reasoning(const training_request& q) {
  return on_records<blip::albef_pair_reasoning<scenes_albef_reasoning.structure, cpu>, blip::nlvr2_record>(
      q, scenes_albef_reasoning, blip::classification<2, blip::teacher::momentum, 2>());
}
blip::run_result albef_entailing(const training_request& q) {
  return on_records<blip::albef_entailment<scenes_entailing.structure, cpu>, blip::entailment_record>(
      q, scenes_entailing, blip::classification<3, blip::teacher::momentum>());
}

}  // namespace

const added_trainer scenes_blip_vqa({"blip", "vqa", "scenes", false, scenes_patch, blip_answering});
const added_trainer scenes_albef_vqa({"albef", "vqa", "scenes", false, scenes_patch, albef_answering});
const added_trainer scenes_blip_nlvr({"blip", "nlvr", "scenes", false, scenes_patch, blip_reasoning});
const added_trainer scenes_albef_nlvr({"albef", "nlvr", "scenes", false, scenes_patch, albef_reasoning});
const added_trainer scenes_albef_entailment({"albef", "entailment", "scenes", false, scenes_patch, albef_entailing});

}  // namespace tool
