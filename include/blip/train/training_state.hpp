// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "blip/autograd/tape.hpp"
#include "blip/core/initialise.hpp"
#include "blip/optim/ema.hpp"

namespace blip::inline BLIP_ABI {

struct training_options {
  std::uint64_t seed = 0;
  double momentum = 0.995;  // of the momentum copy
  initial_spread spread{};  // of the first values
};

// A model with everything that a run changes: values, gradients, the momentum copy, queues. A step is
//   begin; tape = recording; losses = model.loss(tape, carried(), batch); tape.backward; optimiser; commit
// or, when the step must not count, discard in place of the last two. The momentum copy is averaged once per update of
// the values, at the beginning of the next step, as the published code does; a step that is thrown away leaves no
// trace: the next one computes the same bits as without it. Neither copied nor moved, because tapes remember where
// parameters are.
template <class Model>
class training_state {
 public:
  using B = typename Model::backend_type;

  template <class... A>
  explicit training_state(const training_options& o, A&&... arguments)
      : options_(o), model_(std::forward<A>(arguments)...), values_(lay_out(model_)), gradients_(values_.layout()) {
    initialise(values_, o.seed, o.spread);
    restart();
  }
  training_state(const training_state&) = delete;
  training_state& operator=(const training_state&) = delete;

  // After values came from elsewhere: the momentum copy becomes a copy of them, queues start anew.
  void restart() {
    carried_ = model_.make_state(values_, options_.seed);
    average_due_ = true;
  }

  void begin(device<B>& d) {
    gradients_.clear();
    model_.begin(d, values_);
    if constexpr (Model::has_momentum)
      if (average_due_) ema(d, options_.momentum, values_, carried_.momentum);
    average_due_ = false;
  }
  void commit() {
    carried_.commit();
    average_due_ = true;
  }
  void discard() { carried_.discard(); }

  recording_tape<B> recording(device<B>& d, tape_options o = {}) {
    return recording_tape<B>(d, values_, gradients_, o);
  }
  inference_tape<B> inference(device<B>& d, tape_options o = {}) const { return inference_tape<B>(d, values_, o); }

  const training_options& options() const { return options_; }
  const Model& operator*() const { return model_; }
  const Model* operator->() const { return &model_; }
  Model& model() { return model_; }
  arena<B>& values() { return values_; }
  const arena<B>& values() const { return values_; }
  blip::gradients<B>& gradients() { return gradients_; }
  typename Model::state& carried() { return carried_; }
  // Whether the momentum copy still has to follow the last update; part of what a checkpoint restores.
  bool& average_due() { return average_due_; }

 private:
  static std::shared_ptr<const arena_layout> lay_out(Model& model) {
    auto layout = std::make_shared<arena_layout>();
    layout->place("", model);
    return layout;
  }

  training_options options_;
  Model model_;
  arena<B> values_;
  blip::gradients<B> gradients_;
  typename Model::state carried_;
  bool average_due_ = true;
};

}  // namespace blip::inline BLIP_ABI
