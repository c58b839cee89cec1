// SPDX-License-Identifier: Apache-2.0
#pragma once

// A model that tells whether picture and text belong together, trained for some seconds on a generated world: for
// examples that show what one does with such a model.
#include <vector>

#include "blip/backend/cpu.hpp"
#include "blip/data/scenes/pairs.hpp"
#include "blip/data/scenes/words.hpp"
#include "blip/image/evaluation_view.hpp"
#include "blip/models/scenes.hpp"
#include "blip/optim/schedules.hpp"
#include "blip/text/wordpiece.hpp"
#include "blip/train/batch_source.hpp"
#include "blip/train/train_step.hpp"

namespace small {

using namespace blip;
using model = scenes_filter<cpu>;

inline const evaluation_view_options view{.height = 32, .width = 32, .resized = false};
inline wordpiece words() { return blip_tokenizer(vocabulary(scenes::word_list(scenes::world_size::nano))); }

inline tower_options sizes(const wordpiece& tokens) {
  tower_options o = with_vocabulary(scenes_blip.options, tokens.size());
  o.decoder = {};
  return o;
}

struct pictures_and_texts {
  std::vector<image> pictures;
  std::vector<std::string> texts;
};
// `count` pictures that differ, from number `first` on, each with one of its captions; after the last one comes the
// first one again, with another caption.
inline pictures_and_texts take(scenes::split part, std::uint64_t first, std::uint64_t count) {
  const scenes::pairs all(scenes::world(scenes::world_size::nano), part);
  const std::uint64_t pictures = all.of().pictures(part), captions = all.size() / pictures, block = all.block();
  pictures_and_texts out;
  for (std::uint64_t i = first; i < first + count; ++i) {
    const std::uint64_t picture = i % pictures, caption = i / pictures % captions;
    captioned_picture p = all.sample((picture / block * captions + caption) * block + picture % block);
    out.pictures.push_back(std::move(p.picture)), out.texts.push_back(std::move(p.caption));
  }
  return out;
}

// `steps` steps on captions that people wrote, none of them false, at a rate that falls as a cosine does.
inline void train(device<cpu>& dev, training_state<model>& state, const wordpiece& tokens, int steps) {
  constexpr int batch = 32;
  const step_cosine schedule{.rate = 2e-3, .steps = steps};
  adamw<cpu> optimiser(state.values().layout());
  non_finite policy;
  for (std::uint64_t step = 0; step < static_cast<std::uint64_t>(steps); ++step) {
    const pictures_and_texts some = take(scenes::split::human, batch * step, batch);
    step_batches<model> batches;
    batches.add(*state, evaluation_pixels(some.pictures, view), 3, view.height, view.width,
                {.texts = tokens.encode_batch(some.texts, 30)}, {.step = step});
    const double rate = schedule({.iteration = static_cast<std::int64_t>(step)});
    train_step(dev, state, optimiser, batches, {.rate = rate, .clip = 1, .step = step}, policy);
  }
}

}  // namespace small
