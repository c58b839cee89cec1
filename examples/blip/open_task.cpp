// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>
#include <vector>

#include "added_models.hpp"
#include "blip/io/describe_weights.hpp"
#include "blip/io/model_config.hpp"
#include "tasks.hpp"

namespace tool {
namespace {

// `added` are those of BLIP_PRESETS.
template <class Task, class Options, std::size_t N>
std::unique_ptr<Task> open_in(const std::array<const compiled_model<Task, Options>*, N>& ours,
                              const opened_model& model, const Options& o, const compute& on,
                              const std::vector<const compiled_model<Task, Options>*>& added = {}) {
  std::vector<const compiled_model<Task, Options>*> compiled(ours.begin(), ours.end());
  compiled.insert(compiled.end(), added.begin(), added.end());
  std::vector<blip::named_preset> names;
  for (const auto* m : compiled) names.push_back({m->preset, m->sizes});
  const auto nearest = static_cast<std::size_t>(blip::nearest_preset(model.sizes, names) - names.data());
  const std::string where = model.path + ": no model of this size was compiled; compared to the nearest, " +
                            std::string(names[nearest].name);
  try {
    blip::require_structure(where, names[nearest].preset.structure, model.sizes.structure);
  } catch (const blip::config_error& e) {
    if (!model.of_transformers) throw;
    throw blip::config_error({e.where(), e.expected(), e.actual(),
                              "build a tool that has it: cmake -DBLIP_PRESETS=" + model.path + "/config.json"});
  }
  return compiled[nearest]->open(model, o, on);
}

}  // namespace

std::unique_ptr<caption_task> open_captioner(const opened_model& model, const blip::captioner_options& o,
                                             const compute& on) {
  return open_in(std::array{&scenes_captioner, &blip_base_captioner}, model, o, on, added_captioners());
}
std::unique_ptr<match_task> open_matcher(const opened_model& model, const blip::matcher_options& o, const compute& on) {
  return open_in(std::array{&scenes_matcher, &blip_base_matcher, &albef_base_matcher}, model, o, on, added_matchers());
}
std::unique_ptr<retrieve_task> open_retriever(const opened_model& model, const blip::retriever_options& o,
                                              const compute& on) {
  return open_in(std::array{&scenes_retriever, &blip_base_retriever, &albef_base_retriever}, model, o, on);
}
std::unique_ptr<ground_task> open_grounder(const opened_model& model, const blip::grounder_options& o,
                                           const compute& on) {
  return open_in(std::array{&scenes_grounder, &blip_base_grounder, &albef_base_grounder}, model, o, on);
}
std::unique_ptr<answer_task> open_answerer(const opened_model& model, const blip::answerer_options& o,
                                           const compute& on) {
  return open_in(std::array{&scenes_blip_answerer, &scenes_albef_answerer, &blip_base_answerer, &albef_base_answerer},
                 model, o, on, added_answerers());
}
std::unique_ptr<classify_task> open_entailer(const opened_model& model, const blip::classifier_options& o,
                                             const compute& on) {
  return open_in(std::array{&scenes_entailer, &albef_base_entailer}, model, o, on);
}
std::unique_ptr<classify_task> open_pair_reasoner(const opened_model& model, const blip::classifier_options& o,
                                                  const compute& on) {
  return open_in(std::array{&scenes_blip_pairs, &scenes_albef_pairs, &blip_base_pairs, &albef_base_pairs}, model, o,
                 on);
}

}  // namespace tool
