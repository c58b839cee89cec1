// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "blip/losses/itc.hpp"
#include "blip/models/scenes.hpp"
#include "training.hpp"

// What pre-training of the small size is made of, on any back end.
namespace tool {

// Towers of the size of scenes for the words and pictures of a request.
inline blip::tower_options scenes_towers(blip::tower_options o, const training_request& q) {
  o = blip::with_vocabulary(o, q.tokens.size());
  o.vision.image_height = o.vision.image_width = q.recipe.image_size;
  return o;
}

// The contrast of a recipe.
inline blip::itc_options contrast_of(const blip::training_recipe& r) {
  blip::itc_options o{.queue = r.queue, .clamp = r.clamp_temperature};
  if (r.negatives_of_all_ranks) o.hard_negatives = blip::negatives_from::all_ranks;
  return o;
}

inline constexpr int scenes_patch = blip::scenes_vit.structure.patch;
inline constexpr blip::itc_config scenes_in_batch = blip::scenes_features;
inline constexpr blip::itc_config scenes_with_queue{.width = scenes_in_batch.width};

// run.operator()<Model>(towers, losses...) of BLIP: ITC + ITM + LM; with a queue also the momentum model, as published.
template <class B, blip::itc_config F, class Run>
auto compose_scenes_blip(const training_request& q, Run run) {
  return run.template operator()<blip::blip_pretraining<blip::scenes_blip.structure, B, F>>(
      scenes_towers(blip::scenes_blip.options, q), blip::itc<F>(contrast_of(q.recipe)),
      blip::itm<>({.first_token = q.tokens.id("[ENC]")}, {.epsilon = 1e-4}),
      blip::lm({.first_token = q.tokens.id("[DEC]"), .smoothing = q.recipe.label_smoothing}));
}

// The same of ALBEF: ITC + ITM + MLM, distilled from the momentum model.
template <class B, class Run>
auto compose_scenes_albef(const training_request& q, Run run) {
  constexpr blip::itc_config F = scenes_with_queue;
  return run.template operator()<blip::albef_pretraining<blip::scenes_albef.structure, B, F>>(
      scenes_towers(blip::scenes_albef.options, q), blip::itc<F>(contrast_of(q.recipe)),
      blip::itm<>({.first_token = -1}, {.epsilon = 1e-4}),
      blip::mlm<>(
          {.rate = q.recipe.masked, .mask = q.tokens.mask(), .never = {q.tokens.padding(), q.tokens.opening()}}));
}

}  // namespace tool
