// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <memory>
#include <utility>

#include "blip/backend/cpu.hpp"
#include "blip/backend/reference.hpp"
#include "blip/core/initialise.hpp"
#include "blip/models/blip.hpp"
#include "blip/tasks/multimodal_features.hpp"
#include "blip/tasks/pretrained.hpp"
#include "tasks.hpp"

namespace tool {

template <class B>
typename B::options options_of(const compute& on) {
  typename B::options o;
  if constexpr (requires { o.threads; }) o.threads = on.threads;
  if constexpr (requires { o.products; }) o.products = on.bf16 ? blip::precision::bf16 : blip::precision::fp32;
  return o;
}

// What the command line opened, with its parameters.
template <class Model, bool Packed = true>
struct loaded_model : blip::pretrained<Model, Packed> {
  using B = typename Model::backend_type;

  template <class... Losses>
  loaded_model(blip::device<B>& d, const opened_model& from, const Losses&... losses)
      : blip::pretrained<Model, Packed>(
            d, from.sizes.options,
            [&](blip::arena<B>& values) {
              if (from.weights)
                blip::load_weights(*from.weights, values);
              else
                blip::initialise(values, 0, {.by_fan_in = true});
            },
            losses...) {}
};

// Texts are cut where the model's table of positions ends.
template <class Options>
Options within_positions(Options o, const opened_model& from) {
  o.longest = std::min(o.longest, from.sizes.options.text.embedding.positions);
  return o;
}

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
        model_(device_, from, blip::itc<F>(blip::itc_options{.queue = 0}), blip::itm<>()),
        tokens_(from.tokens),
        options_(o),
        matcher_(*model_, model_.values(), from.tokens, within_positions(o, from)) {}

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
  blip::feature_rows multimodal_features(std::span<const blip::image> pictures,
                                         std::span<const std::string> texts) override {
    return blip::multimodal_features(device_, *model_, model_.values(), tokens_, pictures, texts, options_);
  }

 private:
  blip::device<B> device_;
  loaded_model<model_type> model_;
  blip::wordpiece tokens_;
  blip::matcher_options options_;
  blip::matcher<model_type> matcher_;
};

inline void require_features(const opened_model& from, int compiled) {
  if (from.features != compiled)
    throw blip::config_error({from.path + ": width of the features", std::to_string(compiled) + " as compiled",
                              std::to_string(from.features), "compile a model of this width"});
}

// Opens a size on a back end.
template <blip::tower_config C, class B>
std::unique_ptr<caption_task> open_compiled_captioner(const opened_model& from, const blip::captioner_options& o,
                                                      const compute& on) {
  return std::make_unique<compiled_captioner<C, B>>(from, o, on);
}
template <blip::tower_config C, blip::itc_config F, class B>
std::unique_ptr<match_task> open_compiled_matcher(const opened_model& from, const blip::matcher_options& o,
                                                  const compute& on) {
  require_features(from, F.width);
  return std::make_unique<compiled_matcher<C, F, B>>(from, o, on);
}

// A size that was compiled for the processor alone.
inline void require_processor(const compute& on, std::string_view preset) {
  if (on.plain_loops)
    throw blip::device_error({"--backend of " + std::string(preset), "auto or cpu", "reference",
                              "plain loops are compiled for scenes alone: other sizes would take hours"});
}

}  // namespace tool
