// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "blip/models/vision_language_model.hpp"
#include "blip/ops/scale.hpp"
#include "blip/optim/adamw.hpp"
#include "blip/optim/clip.hpp"
#include "blip/optim/non_finite.hpp"
#include "blip/train/average_gradients.hpp"
#include "blip/train/require_same_model.hpp"
#include "blip/train/training_state.hpp"

namespace blip::inline BLIP_ABI {

struct train_step_options {
  double rate = 1e-4;      // learning rate
  double alpha = 0;        // weight of the momentum model's distributions
  double clip = 0;         // most that the gradients' norm may be; 0: no bound
  std::uint64_t seed = 0;  // of dropout and sampling, with `step`
  std::uint64_t step = 0;
  bool stochastic = true;  // dropout and drop-path
  bool momentum_stochastic = true;
};

template <std::size_t N>
struct train_report {
  double loss = 0;
  std::array<double, N> losses{};  // in the order of Model::loss_names
  double gradient_norm = 0;
  blip::verdict verdict = verdict::go;
};

namespace detail {

// Losses become their mean over the ranks, added in rank order.
template <std::size_t N, class B>
void average_losses(train_report<N>& r, communicator<B>& ranks) {
  struct numbers {
    double loss;
    std::array<double, N> losses;
  };
  numbers sum{};
  for (const numbers& of : ranks.of_all(numbers{r.loss, r.losses})) {
    sum.loss += of.loss;
    for (std::size_t i = 0; i < N; ++i) sum.losses[i] += of.losses[i];
  }
  r.loss = sum.loss / ranks.ranks();
  for (std::size_t i = 0; i < N; ++i) r.losses[i] = sum.losses[i] / ranks.ranks();
}

// What a step that ends without `commit` leaves behind: nothing.
template <class Model>
class open_step {
 public:
  open_step(device<typename Model::backend_type>& d, training_state<Model>& state) : state_(state) { state.begin(d); }
  open_step(const open_step&) = delete;
  open_step& operator=(const open_step&) = delete;
  ~open_step() {
    if (!committed_) state_.discard();
  }
  void commit() {
    state_.commit();
    committed_ = true;
  }

 private:
  training_state<Model>& state_;
  bool committed_ = false;
};

}  // namespace detail

// One step of training on one or several micro-batches: forward, backward, AdamW, momentum copy, queues. With several,
// the losses are averaged; every micro-batch is contrasted with its own pairs and the queue of before the step, and draws
// its own random numbers. A step with a loss or gradient that is not finite changes nothing (see non_finite), nor does
// one that ends with an exception. Throws shape_error without batches, numeric_error when the policy says so.
// With `ranks`, each has batches of its own; losses and gradients are averaged over all, so that equal states stay equal
// to the bit. Throws distributed_error when the ranks' models or numbers of batches differ, or another rank failed.
template <class Model, class Batches, class B = typename Model::backend_type>
train_report<Model::loss_count> train_step(device<B>& d, training_state<Model>& state, adamw<B>& optimiser,
                                           const Batches& batches, const train_step_options& o, non_finite& policy,
                                           communicator<B>* ranks = nullptr) {
  train_report<Model::loss_count> report;
  if (std::size(batches) == 0) throw shape_error({"train_step: micro-batches", "at least one", "none", {}});
  if (ranks) {
    require_same_model(*ranks, *state.values().layout());
    require_agreement(*ranks, "train_step", {{"micro-batches", static_cast<std::int64_t>(std::size(batches))}});
  }
  d.set_step(o.step);
  detail::open_step<Model> open(d, state);
  const double share = 1.0 / static_cast<double>(std::size(batches));
  std::uint32_t number = 0;
  for (const auto& b : batches) {
    auto t = state.recording(d, {.stochastic = o.stochastic, .seed = o.seed, .scope = number++});
    const auto losses = state->loss(
        t, state.carried(), b, {.alpha = o.alpha, .momentum_stochastic = o.momentum_stochastic, .ranks = ranks});
    report.loss += share * static_cast<double>(to_host(losses.total)[0]);
    for (std::size_t i = 0; i < losses.parts.size(); ++i)
      report.losses[i] += share * static_cast<double>(to_host(losses.parts[i])[0]);
    t.backward(share == 1 ? losses.total : ops::scale(t, losses.total, share));
  }
  if (ranks) {
    detail::average_losses(report, *ranks);
    average_gradients(d, state.gradients(), *ranks);
  }
  gradient_norm<B> norm;
  norm.measure(d, state.gradients());
  report.gradient_norm = norm.all();
  report.verdict = policy.judge(report.loss, norm);
  if (report.verdict == verdict::skip) return report;
  optimiser.step(d, state.values(), state.gradients(), o.rate, o.clip > 0 ? clip_factor(norm.all(), o.clip) : 1);
  open.commit();
  return report;
}

}  // namespace blip::inline BLIP_ABI
