// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "blip/train/training_state.hpp"
#include "blip/train/trainer_options.hpp"

namespace blip::inline BLIP_ABI {

// Where update number `update` stands.
inline train_position position_of(std::int64_t update, const trainer_options& o) {
  return {static_cast<int>(update / o.steps_per_epoch), update % o.steps_per_epoch, o.steps_per_epoch};
}

// What the bits of a run depend on, as far as it can be seen from here. Schedules are functions, so they are asked: for
// updates 0, 1, 2, 4, 8, ... of the run. A longer run with the same answers is the same run.
template <class Model, class B = typename Model::backend_type>
run_facts describe_run(const trainer_options& o, const training_state<Model>& state, const adamw<B>& optimiser) {
  run_facts facts = o.facts;
  const auto add = [&](const std::string& name, double value) {
    std::string text;
    detail::append_json_number(text, value);
    facts[name] = text;
  };
  facts["seed"] = std::to_string(o.seed);
  facts["seed of the initial values"] = std::to_string(state.options().seed);
  add("clip", o.clip), add("stochastic", o.stochastic);
  add("beta1", o.optimiser.beta1), add("beta2", o.optimiser.beta2), add("epsilon", o.optimiser.epsilon);
  const auto& entries = state.values().layout()->entries();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    add("weight decay of " + entries[i].name, optimiser.decay(static_cast<int>(i)));
    add("rate factor of " + entries[i].name, optimiser.rate(static_cast<int>(i)));
  }
  for (std::int64_t update = 0; update < o.steps; update = update == 0 ? 1 : 2 * update) {
    const train_position at = position_of(update, o);
    add("learning rate of update " + std::to_string(update), o.rate(at));
    if (Model::has_momentum) add("alpha of update " + std::to_string(update), o.alpha(at));
  }
  if (Model::has_momentum)
    add("momentum", state.options().momentum), add("momentum_stochastic", o.momentum_stochastic);
  return facts;
}

}  // namespace blip::inline BLIP_ABI
