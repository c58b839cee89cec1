// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "blip/backend/cpu.hpp"
#include "blip/backend/cpu/pack.hpp"
#include "blip/backend/reference.hpp"
#include "blip/io/load_weights.hpp"
#include "blip/models/blip.hpp"
#include "tasks.hpp"

namespace tool {

template <class B>
typename B::options options_of(const compute& on) {
  if constexpr (std::is_same_v<B, blip::cpu>)
    return {.threads = on.threads, .products = on.bf16 ? blip::precision::bf16 : blip::precision::fp32};
  else
    return {};
}

// A model with its parameters, for inference alone: no gradients, weights as the engine reads them fastest.
template <class Model>
class loaded_model {
 public:
  using B = typename Model::backend_type;

  template <class... Losses>
  loaded_model(blip::device<B>& d, const opened_model& from, const Losses&... losses)
      : model_(from.sizes.options, losses...) {
    auto layout = std::make_shared<blip::arena_layout>();
    layout->place("", model_);
    values_ = blip::arena<B>(std::move(layout));
    blip::load_weights(from.weights, values_);
    if constexpr (std::is_same_v<B, blip::cpu>) values_ = blip::pack(d, std::move(values_));
  }
  loaded_model(const loaded_model&) = delete;
  loaded_model& operator=(const loaded_model&) = delete;

  const Model& operator*() const { return model_; }
  const blip::arena<B>& values() const { return values_; }

 private:
  Model model_;
  blip::arena<B> values_;
};

template <blip::tower_config C, class B>
class compiled_captioner final : public caption_task {
  using model_type = blip::blip_captioner<C, B>;

 public:
  compiled_captioner(const opened_model& from, const blip::captioner_options& o, const compute& on)
      : device_(options_of<B>(on)),
        model_(device_, from, blip::lm()),
        captioner_(*model_, model_.values(), from.tokens, o) {}

  std::vector<std::vector<blip::caption_result>> caption(std::span<const blip::image> pictures,
                                                         std::span<const std::uint64_t> streams) override {
    return captioner_(device_, pictures, streams);
  }

 private:
  blip::device<B> device_;
  loaded_model<model_type> model_;
  blip::captioner<model_type> captioner_;
};

template <blip::tower_config C, blip::itc_config F, class B>
class compiled_matcher final : public match_task {
  using model_type = blip::blip_retrieval<C, B, F>;

 public:
  compiled_matcher(const opened_model& from, const blip::matcher_options& o, const compute& on)
      : device_(options_of<B>(on)),
        model_(device_, from, blip::itc<F>(blip::itc_options{.queue = 0}),
               blip::itm<>({.first_token = from.tokens.id("[ENC]")})),
        matcher_(*model_, model_.values(), from.tokens, o) {}

  std::vector<double> probabilities(std::span<const blip::image> pictures, std::span<const std::string> texts,
                                    std::span<const blip::pair_of> pairs) override {
    return matcher_.probabilities(device_, pictures, texts, pairs);
  }
  blip::feature_rows image_features(std::span<const blip::image> pictures) override {
    return matcher_.image_features(device_, pictures);
  }
  blip::feature_rows text_features(std::span<const std::string> texts) override {
    return matcher_.text_features(device_, texts);
  }

 private:
  blip::device<B> device_;
  loaded_model<model_type> model_;
  blip::matcher<model_type> matcher_;
};

// Opens a size on a back end.
template <blip::tower_config C, class B>
std::unique_ptr<caption_task> open_compiled_captioner(const opened_model& from, const blip::captioner_options& o,
                                                      const compute& on) {
  return std::make_unique<compiled_captioner<C, B>>(from, o, on);
}
template <blip::tower_config C, blip::itc_config F, class B>
std::unique_ptr<match_task> open_compiled_matcher(const opened_model& from, const blip::matcher_options& o,
                                                  const compute& on) {
  if (from.features != F.width)
    throw blip::config_error({from.path + ": width of the features", std::to_string(F.width) + " as compiled",
                              std::to_string(from.features), "compile a model of this width"});
  return std::make_unique<compiled_matcher<C, F, B>>(from, o, on);
}

// A size that was compiled for the processor alone.
inline void require_processor(const compute& on, std::string_view preset) {
  if (on.plain_loops)
    throw blip::device_error({"--backend of " + std::string(preset), "auto or cpu", "reference",
                              "plain loops are compiled for scenes alone: other sizes would take hours"});
}

}  // namespace tool
