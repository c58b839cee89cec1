// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "blip/io/describe_weights.hpp"
#include "blip/io/model_config.hpp"
#include "tasks.hpp"

namespace tool {
namespace {

template <class Task, class Options>
std::unique_ptr<Task> open_in(const model_list<Task, Options>& compiled, const opened_model& model, const Options& o,
                              const compute& on) {
  if (compiled.empty())
    throw blip::config_error({model.path, "a model for this task", "none of any size was compiled",
                              "build the tool with all of them: cmake -DBLIP_TOOL_MODELS=\"\""});
  std::vector<blip::named_preset> names;
  for (const auto& m : compiled) names.push_back({m.preset, m.sizes});
  const auto nearest = static_cast<std::size_t>(blip::nearest_preset(model.sizes, names) - names.data());
  const std::string where =
      model.path + ": no model of this size was compiled; compared to the nearest, " + std::string(names[nearest].name);
  try {
    blip::require_structure(where, names[nearest].preset.structure, model.sizes.structure);
  } catch (const blip::config_error& e) {
    if (!model.of_transformers) throw;
    throw blip::config_error({e.where(), e.expected(), e.actual(),
                              "build a tool that has it: cmake -DBLIP_PRESETS=" + model.path + "/config.json"});
  }
  return compiled[nearest].open(model, o, on);
}

template <class List, int Number = 0>  // two tasks of one type have two lists
List& list() {
  static List models;
  return models;
}

}  // namespace

model_list<caption_task, blip::captioner_options>& captioners() {
  return list<model_list<caption_task, blip::captioner_options>>();
}
model_list<caption_task, blip::captioner_options>& gpu_captioners() {
  return list<model_list<caption_task, blip::captioner_options>, 1>();
}
model_list<match_task, blip::matcher_options>& matchers() {
  return list<model_list<match_task, blip::matcher_options>>();
}
model_list<retrieve_task, blip::retriever_options>& retrievers() {
  return list<model_list<retrieve_task, blip::retriever_options>>();
}
model_list<ground_task, blip::grounder_options>& grounders() {
  return list<model_list<ground_task, blip::grounder_options>>();
}
model_list<answer_task, blip::answerer_options>& answerers() {
  return list<model_list<answer_task, blip::answerer_options>>();
}
model_list<classify_task, blip::classifier_options>& entailers() {
  return list<model_list<classify_task, blip::classifier_options>, 0>();
}
model_list<classify_task, blip::classifier_options>& pair_reasoners() {
  return list<model_list<classify_task, blip::classifier_options>, 1>();
}

std::unique_ptr<caption_task> open_captioner(const opened_model& model, const blip::captioner_options& o,
                                             const compute& on) {
  return open_in(on.gpu ? gpu_captioners() : captioners(), model, o, on);
}
std::unique_ptr<match_task> open_matcher(const opened_model& model, const blip::matcher_options& o, const compute& on) {
  return open_in(matchers(), model, o, on);
}
std::unique_ptr<retrieve_task> open_retriever(const opened_model& model, const blip::retriever_options& o,
                                              const compute& on) {
  return open_in(retrievers(), model, o, on);
}
std::unique_ptr<ground_task> open_grounder(const opened_model& model, const blip::grounder_options& o,
                                           const compute& on) {
  return open_in(grounders(), model, o, on);
}
std::unique_ptr<answer_task> open_answerer(const opened_model& model, const blip::answerer_options& o,
                                           const compute& on) {
  return open_in(answerers(), model, o, on);
}
std::unique_ptr<classify_task> open_entailer(const opened_model& model, const blip::classifier_options& o,
                                             const compute& on) {
  return open_in(entailers(), model, o, on);
}
std::unique_ptr<classify_task> open_pair_reasoner(const opened_model& model, const blip::classifier_options& o,
                                                  const compute& on) {
  return open_in(pair_reasoners(), model, o, on);
}

}  // namespace tool
