// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "blip/core/arena.hpp"
#include "blip/core/device.hpp"
#include "support/counting.hpp"
#include "support/idle.hpp"

namespace blip_test {

using counts_only = counting<idle>;

// The multiply-adds of one training step of Model{towers, losses...} on these examples with pictures of side x side
// pixels: products counted, not computed, momentum pass and queue included.
template <class Model, class... Losses>
work counted_step(const blip::tower_options& towers, const blip::examples& e, int side, const Losses&... losses) {
  using B = counts_only;
  Model model(towers, losses...);
  auto layout = std::make_shared<blip::arena_layout>();
  layout->place("", model);
  const blip::arena<B> values(layout);
  blip::gradients<B> slopes(layout);
  auto state = model.make_state(values, 1);
  work counted;
  blip::device<B> dev({&counted});
  const B::scalar nobody_reads{};
  const auto batch = model.prepare({&nobody_reads, static_cast<int>(e.texts.size()), 3, side, side}, e, {.seed = 1});
  blip::recording_tape<B> t(dev, values, slopes, {.stochastic = true});
  const auto loss = model.loss(t, state, batch, {.alpha = 0.4});
  counted.replaying = true;
  t.backward(loss.total);
  state.discard();
  return counted;
}

}  // namespace blip_test
