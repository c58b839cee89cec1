// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "blip/config/towers.hpp"
#include "blip/tasks/answerer.hpp"
#include "blip/tasks/captioner.hpp"
#include "blip/tasks/classifier.hpp"
#include "blip/tasks/grounder.hpp"
#include "blip/tasks/matcher.hpp"
#include "blip/tasks/retriever.hpp"
#include "compute.hpp"
#include "opened_model.hpp"

// What subcommands ask of a model, whatever its size and back end. A call is a whole pass, so virtual costs nothing.
namespace tool {

class caption_task {
 public:
  virtual ~caption_task() = default;
  // Texts of each picture, best first; `streams` number the pictures for the samples' random numbers.
  virtual std::vector<std::vector<blip::caption_result>> caption(std::span<const blip::image> pictures,
                                                                 std::span<const std::uint64_t> streams) = 0;
};

class match_task {
 public:
  virtual ~match_task() = default;
  virtual std::vector<double> probabilities(std::span<const blip::image> pictures, std::span<const std::string> texts,
                                            std::span<const blip::pair_of> pairs) = 0;
  virtual blip::feature_rows image_features(std::span<const blip::image> pictures) = 0;
  virtual blip::feature_rows text_features(std::span<const std::string> texts) = 0;
  // Of text i after it has read picture i.
  virtual blip::feature_rows multimodal_features(std::span<const blip::image> pictures,
                                                 std::span<const std::string> texts) = 0;
};

class retrieve_task {
 public:
  virtual ~retrieve_task() = default;
  // The best pictures of each text.
  virtual std::vector<std::vector<blip::found_match>> find_pictures(int count, const blip::picture_source& pictures,
                                                                    std::span<const std::string> texts, int top) = 0;
  // All pictures and texts as queries.
  virtual blip::retrieval_matrices scores(int count, const blip::picture_source& pictures,
                                          std::span<const std::string> texts) = 0;
};

class ground_task {
 public:
  virtual ~ground_task() = default;
  virtual blip::grounding ground(const blip::image& picture, const std::string& text) = 0;
};

// An answer that was made, or chosen from a list.
struct answer_found {
  std::string text;
  double log_probability = 0, score = 0;
};

class answer_task {
 public:
  virtual ~answer_task() = default;
  // Answers to each question, best first: made, or of a list that is not empty its shortlist. `of` holds the number of
  // each question's picture; none: question i is about picture i.
  virtual std::vector<std::vector<answer_found>> answer(std::span<const blip::image> pictures,
                                                        std::span<const std::string> questions,
                                                        std::span<const std::string> answers,
                                                        std::span<const int> of) = 0;
};

// Entailment, and reasoning about two pictures.
class classify_task {
 public:
  virtual ~classify_task() = default;
  // Probabilities of the classes of each text; `of` as blip::classifier says.
  virtual std::vector<std::vector<double>> probabilities(std::span<const blip::image> pictures,
                                                         std::span<const std::string> texts,
                                                         std::span<const int> of) = 0;
};

// A model of one size that was compiled, under the name of its preset.
template <class Task, class Options>
struct compiled_model {
  std::string_view preset;
  blip::tower_preset sizes;
  std::unique_ptr<Task> (*open)(const opened_model&, const Options&, const compute&);
};

// The sizes that a task was compiled for. Each source adds its own before main begins, so that a build may leave some out.
template <class Task, class Options>
using model_list = std::vector<compiled_model<Task, Options>>;
model_list<caption_task, blip::captioner_options>&captioners(), &gpu_captioners();
model_list<match_task, blip::matcher_options>& matchers();
model_list<retrieve_task, blip::retriever_options>& retrievers();
model_list<ground_task, blip::grounder_options>& grounders();
model_list<answer_task, blip::answerer_options>& answerers();
model_list<classify_task, blip::classifier_options>&entailers(), &pair_reasoners();
struct added_model {
  template <class Task, class Options>
  added_model(model_list<Task, Options>& list, const std::type_identity_t<compiled_model<Task, Options>>& m) {
    list.push_back(m);
  }
};

// Finds a size among those compiled and opens the model. Throws config_error for a size that was not compiled, and what
// reading the weights throws.
std::unique_ptr<caption_task> open_captioner(const opened_model& model, const blip::captioner_options& o,
                                             const compute& on);
std::unique_ptr<match_task> open_matcher(const opened_model& model, const blip::matcher_options& o, const compute& on);
std::unique_ptr<retrieve_task> open_retriever(const opened_model& model, const blip::retriever_options& o,
                                              const compute& on);
std::unique_ptr<ground_task> open_grounder(const opened_model& model, const blip::grounder_options& o,
                                           const compute& on);
std::unique_ptr<answer_task> open_answerer(const opened_model& model, const blip::answerer_options& o,
                                           const compute& on);
std::unique_ptr<classify_task> open_entailer(const opened_model& model, const blip::classifier_options& o,
                                             const compute& on);
std::unique_ptr<classify_task> open_pair_reasoner(const opened_model& model, const blip::classifier_options& o,
                                                  const compute& on);
// As the model's profile has it.
inline blip::matcher_options matcher_options_for(const opened_model& m, int batch = blip::matcher_options{}.batch) {
  blip::matcher_options o{.view = m.view, .batch = batch};
  o.follow(m.rules);
  return o;
}
inline blip::answerer_options answerer_options_for(const opened_model& m) {
  blip::answerer_options o{.view = m.view,
                           .longest = std::min(m.of_albef() ? 512 : 35, m.sizes.options.text.embedding.positions)};
  o.follow(m.rules, m.of_albef());
  return o;
}
// layer: see blip::grounder_options.
inline blip::grounder_options grounder_options_for(const opened_model& m, int layer = -1) {
  blip::grounder_options o{
      .view = m.view, .longest = std::min(35, m.sizes.options.text.embedding.positions), .layer = layer};
  o.follow(m.rules);
  return o;
}
// Texts no longer than the model has positions for.
inline blip::classifier_options classifier_options_for(const opened_model& m) {
  return {.view = m.view, .longest = m.sizes.options.text.embedding.positions};
}

}  // namespace tool
