// SPDX-License-Identifier: Apache-2.0
//
// CLIP: two towers that never see each other, and one loss that brings the features of a pair together.
#include <cstdio>

#include "blip/losses/itc.hpp"
#include "blip/models/towers.hpp"
#include "blip/models/vision_language_model.hpp"
#include "tiny_pairs.hpp"

using namespace blip;

// A vision tower and a text tower without cross-attention; contrast within the batch, no momentum model, no queue.
constexpr tower_config two_towers{.vision = tiny::vision, .text = tiny::text(cross_schedule::none)};
constexpr itc_config in_batch{.width = 16, .momentum = false};
using clip_model = vision_language_model<towers<two_towers, cpu>, itc<in_batch>>;

int main() {
  training_state<clip_model> state({.seed = 1}, tower_options{.vision = tiny::vision_options, .text = tiny::text_options_of(2)},
                                   itc<in_batch>());
  const bool learnt = tiny::report<clip_model>("CLIP", tiny::train(state, 300));
  std::printf("temperature %.3f\n", static_cast<double>(state.values().read("temp")[0]));
  return learnt ? 0 : 1;
}
