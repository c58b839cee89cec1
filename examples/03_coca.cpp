// SPDX-License-Identifier: Apache-2.0
//
// A CoCa-like model: one causal text tower whose first layers see text alone and whose last ones read the picture. The
// contrastive loss reads the last token's state between the two, the captioning loss what comes out at the end.
#include <cstdio>

#include "blip/losses/itc.hpp"
#include "blip/losses/lm.hpp"
#include "blip/models/towers.hpp"
#include "blip/models/vision_language_model.hpp"
#include "tiny_pairs.hpp"

using namespace blip;

// The decoder shares everything with the encoder: they are one tower under two names.
constexpr text_config captioning = tiny::text(cross_schedule::from_layer);
constexpr tower_config coca{.vision = tiny::vision, .text = captioning, .decoder = captioning,
                            .sharing = decoder_sharing::all, .causal_text = true};
constexpr itc_config in_batch{.width = 16, .momentum = false};
using coca_model = vision_language_model<towers<coca, cpu>, itc<in_batch>, lm>;

int main() {
  const text_options text = tiny::text_options_of(/*layers=*/4, /*cross_from=*/2);
  training_state<coca_model> state({.seed = 1}, tower_options{tiny::vision_options, text, text}, itc<in_batch>(),
                                   lm({.first_token = 1}));
  const bool learnt = tiny::report<coca_model>("CoCa", tiny::train(state, 200));
  return learnt ? 0 : 1;
}
