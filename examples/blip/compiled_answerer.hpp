// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/models/albef.hpp"
#include "compiled.hpp"

namespace tool {

// The loss of a model that has one: what its head belongs to.
template <class Model>
auto only_loss() {
  return std::remove_cvref_t<decltype(std::declval<const Model&>().template loss_at<0>())>();
}

template <class Model>
class compiled_answerer final : public answer_task {
  using B = typename Model::backend_type;

 public:
  compiled_answerer(const opened_model& from, const blip::answerer_options& o, const compute& on)
      : device_(options_of<B>(on)),
        model_(device_, from, only_loss<Model>()),
        answerer_(*model_, model_.values(), from.tokens, o) {}

  std::vector<std::vector<answer_found>> answer(std::span<const blip::image> pictures,
                                                std::span<const std::string> questions,
                                                std::span<const std::string> answers,
                                                std::span<const int> of) override {
    std::vector<std::vector<answer_found>> all;
    const auto add = [&](const auto& found) {
      for (const auto& one : found) {
        std::vector<answer_found>& mine = all.emplace_back();
        for (const auto& a : one) mine.push_back({a.text, a.details.log_probability, a.details.score});
      }
    };
    if (answers.empty())
      add(answerer_(device_, pictures, questions, of));
    else
      add(answerer_.rank(device_, pictures, questions, answers, of));
    return all;
  }

 private:
  blip::device<B> device_;
  loaded_model<Model> model_;
  blip::answerer<Model> answerer_;
};

template <class Model>
class compiled_classifier final : public classify_task {
  using B = typename Model::backend_type;

 public:
  compiled_classifier(const opened_model& from, const blip::classifier_options& o, const compute& on)
      : device_(options_of<B>(on)),
        model_(device_, from, only_loss<Model>()),
        classifier_(*model_, model_.values(), from.tokens, o) {}

  std::vector<std::vector<double>> probabilities(std::span<const blip::image> pictures,
                                                 std::span<const std::string> texts,
                                                 std::span<const int> of) override {
    return classifier_(device_, pictures, texts, of);
  }

 private:
  blip::device<B> device_;
  loaded_model<Model> model_;
  blip::classifier<Model> classifier_;
};

// Opens a model of a size, given as a template over back ends; sizes are plain that are small enough for plain loops.
template <template <class> class Model, bool Plain = false>
std::unique_ptr<answer_task> open_compiled_answerer(const opened_model& from, const blip::answerer_options& o,
                                                    const compute& on) {
  if constexpr (Plain)
    if (on.plain_loops) return std::make_unique<compiled_answerer<Model<blip::reference<double>>>>(from, o, on);
  require_processor(on, from.path);
  return std::make_unique<compiled_answerer<Model<blip::cpu>>>(from, o, on);
}
template <template <class> class Model, bool Plain = false>
std::unique_ptr<classify_task> open_compiled_classifier(const opened_model& from, const blip::classifier_options& o,
                                                        const compute& on) {
  if constexpr (Plain)
    if (on.plain_loops) return std::make_unique<compiled_classifier<Model<blip::reference<double>>>>(from, o, on);
  require_processor(on, from.path);
  return std::make_unique<compiled_classifier<Model<blip::cpu>>>(from, o, on);
}

}  // namespace tool
