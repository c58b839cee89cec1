// SPDX-License-Identifier: Apache-2.0
#pragma once

// Pictures of one coloured square and their captions, for examples that only want to see a model learn: token ids are
// 0 [PAD], 1 [CLS], 2 [SEP], 3 [ENC], 4 [DEC], 5 [MASK], 6-9 colours, 10-13 places.
#include <cstdint>
#include <vector>

#include "blip/backend/cpu.hpp"
#include "blip/blip.hpp"
#include "blip/train/train_step.hpp"

namespace tiny {

using namespace blip;

inline constexpr int side = 16, vocabulary = 14, batch = 8;
inline constexpr vit_config vision{.width = 32, .heads = 4, .hidden = 64, .patch = 8};
inline constexpr vit_options vision_options{.depth = 2, .image_height = side, .image_width = side};
// A text tower of `layers` layers beside it.
constexpr text_config text(cross_schedule cross) {
  return {.width = 32, .heads = 4, .hidden = 64, .context = cross == cross_schedule::none ? 0 : vision.width, .cross = cross};
}
constexpr text_options text_options_of(int layers, int cross_from = 0) {
  return {.layers = layers, .cross_from = cross_from, .embedding = {.vocabulary = vocabulary, .positions = 8}};
}

// Pairs of a step: every picture has another colour or place than the others of its batch.
struct pairs {
  std::vector<float> pixels;
  examples texts;
  explicit pairs(int step) {
    for (int b = 0; b < batch; ++b) {
      const int n = (step * 5 + b * 3) % 16, colour = n % 4, place = n / 4;
      for (int c = 0; c < 3; ++c)
        for (int y = 0; y < side; ++y)
          for (int x = 0; x < side; ++x) {
            const bool inside = (y / 8 == place / 2) && (x / 8 == place % 2);
            pixels.push_back(inside ? (colour == 3 || colour == c ? 1.0f : -1.0f) : 0.0f);
          }
      texts.texts.push_back({1, 6 + colour, 10 + place, 2});
    }
  }
};

// Trains a model for `steps` steps and gives the losses of each.
template <class Model>
std::vector<std::vector<double>> train(training_state<Model>& state, int steps, double rate = 2e-3) {
  device<cpu> dev;
  adamw<cpu> optimiser(state.values().layout());
  non_finite policy;
  std::vector<std::vector<double>> losses;
  for (int step = 0; step < steps; ++step) {
    const pairs p(step);
    std::vector<typename Model::batch> batches(1);
    batches[0] = state->prepare({p.pixels.data(), batch, 3, side, side}, p.texts, {.step = static_cast<std::uint64_t>(step)});
    const auto report = train_step(dev, state, optimiser, batches, {.rate = rate, .step = static_cast<std::uint64_t>(step)}, policy);
    losses.emplace_back(report.losses.begin(), report.losses.end());
  }
  return losses;
}

// Prints what a loss was at the beginning and at the end.
template <class Model>
bool report(const char* name, const std::vector<std::vector<double>>& losses) {
  bool fell = true;
  std::printf("%s\n", name);
  for (std::size_t i = 0; i < Model::loss_count; ++i) {
    double first = 0, last = 0;
    for (std::size_t k = 0; k < 10; ++k) first += losses[k][i] / 10, last += losses[losses.size() - 1 - k][i] / 10;
    std::printf("  %-4s %.3f -> %.3f\n", std::string(Model::loss_names[i]).c_str(), first, last);
    fell = fell && last < 0.7 * first;
  }
  return fell;
}

}  // namespace tiny
