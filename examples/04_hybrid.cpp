// SPDX-License-Identifier: Apache-2.0
//
// Neither ALBEF nor BLIP: BLIP's towers, with ALBEF's masked words beside BLIP's captions. All four losses share one pass
// of the vision tower, and the image's keys and values are projected once for three of them.
#include "blip/losses/itc.hpp"
#include "blip/losses/itm.hpp"
#include "blip/losses/lm.hpp"
#include "blip/losses/mlm.hpp"
#include "blip/models/towers.hpp"
#include "blip/models/vision_language_model.hpp"
#include "tiny_pairs.hpp"

using namespace blip;

constexpr text_config text = tiny::text(cross_schedule::all);
constexpr tower_config both{.vision = tiny::vision, .text = text, .masked_head = true, .decoder = text,
                            .sharing = decoder_sharing::all_but_self_attention};
constexpr itc_config features{.width = 16};
using hybrid = vision_language_model<towers<both, cpu>, itc<features>, itm<>, mlm<teacher::none>, lm>;

int main() {
  const text_options options = tiny::text_options_of(2);
  training_state<hybrid> state({.seed = 1}, tower_options{tiny::vision_options, options, options},
                               itc<features>({.queue = 8}), itm<>({.first_token = 3}),
                               mlm<teacher::none>({.rate = 0.3, .mask = 5, .never = {0, 1, 2}}), lm({.first_token = 4}));
  return tiny::report<hybrid>("hybrid", tiny::train(state, 300)) ? 0 : 1;
}
