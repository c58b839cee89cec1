// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "blip/core/arena.hpp"
#include "blip/core/device.hpp"
#include "blip/image/evaluation_view.hpp"
#include "blip/io/load_weights.hpp"
#include "blip/io/model_folder.hpp"
#include "blip/text/tokenizer_json.hpp"
#include "blip/text/wordpiece.hpp"

namespace blip::inline BLIP_ABI {

// A model with the parameters that somebody trained, for inference alone: no gradients, and weights as the back end reads
// them fastest (pack). What runs it (captioner, matcher ...) holds references, so it is neither copied nor moved; several
// threads may share one that is const.
//   const model_folder folder("blip-image-captioning-base");
//   const pretrained<blip_captioner<blip_captioner_base.structure, cpu>> m(dev, folder, lm());
//   const captioner describe(*m, m.values(), tokens_of(folder), {.view = view_of(folder)});
//   const std::string text = describe(dev, {&picture, 1}).at(0).at(0).text;
// Packed false: weights as they are, for those who need a backward pass.
template <class Model, bool Packed = true>
class pretrained {
 public:
  using B = typename Model::backend_type;

  // Parameters as fill(arena) leaves them, which are 0 before; `losses` as the model's constructor takes them.
  template <std::invocable<arena<B>&> Fill, class... Losses>
  [[gnu::cold]] pretrained(device<B>& d, const tower_options& sizes, const Fill& fill, const Losses&... losses)
      : model_(sizes, losses...) {
    auto layout = std::make_shared<arena_layout>();
    layout->place("", model_);
    values_ = arena<B>(std::move(layout));
    fill(values_);
    if constexpr (Packed && requires(arena<B> a) { pack(d, std::move(a)); }) values_ = pack(d, std::move(values_));
  }
  // Those of a file. Throws what load_weights throws.
  template <class... Losses>
  pretrained(device<B>& d, const tower_options& sizes, const weights_file& weights, const Losses&... losses)
      : pretrained(d, sizes, [&](arena<B>& values) { load_weights(weights, values); }, losses...) {}
  // Throws config_error as well, for a folder whose sizes are not those of the model's type; it names the first one.
  template <class... Losses>
  pretrained(device<B>& d, const model_folder& folder, const Losses&... losses)
      : pretrained(d, checked(folder), folder.weights(), losses...) {}
  pretrained(const pretrained&) = delete;
  pretrained& operator=(const pretrained&) = delete;

  const Model& operator*() const { return model_; }
  const Model* operator->() const { return &model_; }
  const arena<B>& values() const { return values_; }

 private:
  static const tower_options& checked(const model_folder& folder) {
    require_structure(folder.path() + "/config.json", Model::towers_type::structure, folder.config().sizes.structure);
    return folder.options();
  }

  Model model_;
  arena<B> values_;
};

// The words of a model folder: vocab.txt or tokenizer.json. Throws config_error when it has neither, and what reading
// throws. BLIP's [DEC] and [ENC] are appended where the file lacks them.
[[gnu::cold]] inline wordpiece tokens_of(const model_folder& folder) {
  if (const auto file = folder.find("vocab.txt")) return blip_tokenizer(load_vocabulary(*file));
  if (const auto file = folder.find("tokenizer.json")) return blip_tokenizer(load_tokenizer_json(*file));
  throw config_error({folder.path() + ": words", "vocab.txt or tokenizer.json", "neither", {}});
}

// How a model folder wants its pictures.
inline evaluation_view_options view_of(const model_folder& folder) {
  const preprocessor_config& c = folder.preprocessor();
  evaluation_view_options view{.height = c.height, .width = c.width, .filter = pillow_filter(c.filter)};
  view.statistics.scale = c.scale, view.statistics.mean = c.mean, view.statistics.deviation = c.deviation;
  return view;
}

}  // namespace blip::inline BLIP_ABI
