// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "blip/backend/cpu.hpp"
#include "blip/models/albef.hpp"
#include "blip/models/blip.hpp"
#include "blip/train/batch_source.hpp"
#include "blip/train/training_state.hpp"
#include "support/numbers.hpp"

// Pre-training of models so small that a step takes about a millisecond, with everything that a run changes: momentum
// copy, queues, dropout, masks, hard negatives.
namespace blip_test {

using namespace blip;

inline constexpr int side = 8, pairs = 4, words = 31;
inline constexpr vit_config vision{.width = 12, .heads = 2, .hidden = 20, .patch = 4};
inline constexpr vit_options vision_options{.depth = 2, .image_height = side, .image_width = side};
constexpr text_config text_of(cross_schedule cross) {
  return {.width = 12, .heads = 3, .hidden = 20, .context = vision.width, .cross = cross};
}
inline constexpr text_options text_options_of(int layers, int cross_from) {
  return {.layers = layers,
          .cross_from = cross_from,
          .embedding = {.vocabulary = words, .positions = 8, .dropout = 0.1f},
          .dropout = 0.1f,
          .attention_dropout = 0.1f};
}
inline constexpr itc_config features{.width = 6};
inline constexpr int queue = 10;  // no multiple of the batch

template <class B>
using blip_model = blip_pretraining<blip_structure(vision, text_of(cross_schedule::all)), B, features>;
template <class B>
using albef_model = albef_pretraining<albef_structure(vision, text_of(cross_schedule::from_layer)), B, features>;

template <class Model>
std::unique_ptr<training_state<Model>> make(int entries = queue, double momentum = 0.995) {
  using B = typename Model::backend_type;
  const training_options options{.seed = 1, .momentum = momentum};
  const itc<features> contrast({.queue = entries});
  if constexpr (std::is_same_v<Model, blip_model<B>>) {
    const text_options text = text_options_of(2, 0);
    return std::make_unique<training_state<Model>>(options, tower_options{vision_options, text, text}, contrast,
                                                   itm<>({.first_token = 29}), lm({.first_token = 30}));
  } else {
    return std::make_unique<training_state<Model>>(options, tower_options{vision_options, text_options_of(4, 2), {}},
                                                   contrast, itm<>({.first_token = -1}),
                                                   mlm<>({.rate = 0.4, .mask = 4, .never = {0, 1}}));
  }
}

// Pictures and texts of a step, others on each rank; with `poison`, one pixel is that.
template <class Model>
step_batches<Model> input_of(const Model& m, std::int64_t step, int micro_batches = 1, double poison = 0, int rank = 0) {
  using S = typename Model::backend_type::scalar;
  step_batches<Model> out;
  const int one = 3 * side * side;
  numbers host = random_numbers(micro_batches * pairs * one, static_cast<std::uint64_t>(step + 1000 * rank) + 1);
  if (poison != 0) host[17] = poison;
  const std::vector<S> pixels(host.begin(), host.end());
  for (int k = 0; k < micro_batches; ++k) {
    examples e;
    for (int b = 0; b < pairs; ++b) {
      std::vector<int> text{1};
      const auto n = static_cast<int>(step) + 3 * rank;
      for (int i = 0; i < 2 + (n + b + k) % 4; ++i) text.push_back(5 + (n * 7 + b * 5 + k * 3 + i * 11) % 20);
      e.texts.push_back(text);
    }
    constexpr auto size = static_cast<std::size_t>(pairs * one);
    out.add(m, std::span(pixels).subspan(static_cast<std::size_t>(k) * size, size), 3, side, side, e,
            {.step = static_cast<std::uint64_t>(step), .first = rank * pairs});
  }
  return out;
}

}  // namespace blip_test
