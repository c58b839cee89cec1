// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip/core/buffer.hpp"
#include "blip/losses/examples.hpp"
#include "blip/models/vision_language_model.hpp"

namespace blip::inline BLIP_ABI {

// What a run trains on: source(model, step) gives the micro-batches of step 0, 1, 2, ... as a range of Model::batch that
// owns, or outlives the step with, the pixels they point at. When the step's number decides alone what comes, nothing
// else is needed to go on after a kill.
template <class S, class Model>
concept batch_source = requires(S& source, const Model& model, std::int64_t step) {
  { source(model, step) } -> std::ranges::sized_range;
  requires std::convertible_to<std::ranges::range_reference_t<decltype(source(model, step))>,
                               const typename Model::batch&>;
};

// A source that reads on from where it was: position() after a step, given to restore() of a new source, makes that one
// go on with the next step. Checkpoints hold it.
template <class S>
concept resumable_source = requires(S& source, std::string_view position) {
  { std::as_const(source).position() } -> std::convertible_to<std::string>;
  source.restore(position);
};

// The micro-batches of a step with the pixels that they point at.
template <class Model>
class step_batches {
 public:
  using B = typename Model::backend_type;
  using S = typename B::scalar;

  // One more: `pixels` [pictures, channels, height, width] in host memory, normalised. Throws shape_error.
  void add(const Model& model, std::span<const S> pixels, int channels, int height, int width, const examples& texts,
           const example_site& at = {}) {
    const auto one = static_cast<std::size_t>(channels) * static_cast<std::size_t>(height) *
                     static_cast<std::size_t>(width);
    if (one == 0 || pixels.size() % one != 0)
      throw shape_error({"step_batches: pixels", "whole pictures of " + std::to_string(one),
                         std::to_string(pixels.size()), {}});
    pixels_.emplace_back(pixels);
    const picture_batch<B> pictures{pixels_.back().data(), static_cast<int>(pixels.size() / one), channels, height,
                                    width};
    batches_.push_back(model.prepare(pictures, texts, at));
  }

  std::size_t size() const { return batches_.size(); }
  auto begin() const { return batches_.begin(); }
  auto end() const { return batches_.end(); }

 private:
  std::vector<buffer<B, S>> pixels_;
  std::vector<typename Model::batch> batches_;
};

}  // namespace blip::inline BLIP_ABI
