// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <numbers>
#include <type_traits>

#include "blip/optim/train_position.hpp"

// Learning rates of the published training scripts, as functions of the position in the run. The rate of an update is
// the schedule's value at the position before it.
namespace blip::inline BLIP_ABI {

template <class F>
concept schedule = std::is_invocable_r_v<double, const F&, const train_position&>;

namespace detail {

// Half a cosine, from `high` at 0 to `low` at `length`.
inline double half_cosine(double high, double low, int at, int length) {
  return low + (high - low) * 0.5 * (1 + std::cos(std::numbers::pi * at / length));
}
// Linear from `low` to `high` within `steps` iterations; a warm-up of no steps still takes the first one at `low`.
inline double linear_warmup(double low, double high, std::int64_t at, std::int64_t steps) {
  const auto length = static_cast<double>(std::max<std::int64_t>(steps, 1));
  return std::min(high, low + (high - low) * static_cast<double>(at) / length);
}

// What ALBEF's schedules count: in epoch 0 hundreds of iterations, up to the end of the warm-up, and afterwards epochs
// on top of that. The published loop moves the count after the update, so hundred k acts from iteration 100 k + 1 on.
// An epoch 0 that is shorter than the warm-up leaves it where it is.
inline int albef_count(const train_position& at, int warmup_hundreds) {
  if (at.epoch > 0) return at.epoch + warmup_hundreds;
  const std::int64_t hundreds = std::max<std::int64_t>(at.iteration - 1, 0) / 100;
  return static_cast<int>(std::min<std::int64_t>(hundreds, warmup_hundreds));
}

}  // namespace detail

// ALBEF's cosine: linear warm-up in epoch 0, then per epoch
//   min_rate + (rate - min_rate) (1 + cos(pi epoch / epochs)) / 2.
// Its configuration calls the length of the warm-up `warmup_epochs`, but it counts hundreds of iterations.
// Source: ALBEF's scheduler/cosine_lr.py and the loop of Pretrain.py.
struct albef_cosine {
  double rate = 1e-4, min_rate = 1e-5, warmup_rate = 1e-5;
  int warmup_hundreds = 20, epochs = 30;

  double at_count(int count) const {
    if (count < warmup_hundreds) return warmup_rate + count * (rate - warmup_rate) / warmup_hundreds;
    const int epoch = count - warmup_hundreds;
    return epoch < epochs ? detail::half_cosine(rate, min_rate, epoch, epochs) : min_rate;
  }
  double operator()(const train_position& at) const { return at_count(detail::albef_count(at, warmup_hundreds)); }
};

// ALBEF's hyperbolic tangent: with x = count / length and the warm-up included in the count,
//   min_rate + (rate - min_rate) (1 - tanh(-6 (1 - x) + 4 x)) / 2;  the warm-up rises to what the curve has at its end.
// Source: ALBEF's scheduler/tanh_lr.py.
struct albef_tanh {
  double rate = 1e-4, min_rate = 1e-6, warmup_rate = 1e-6;
  int warmup_hundreds = 3, length = 20;

  double at_count(int count) const {
    if (count < warmup_hundreds) return warmup_rate + count * (curve(warmup_hundreds) - warmup_rate) / warmup_hundreds;
    return count < length ? curve(count) : min_rate;
  }
  double operator()(const train_position& at) const { return at_count(detail::albef_count(at, warmup_hundreds)); }

 private:
  double curve(int count) const {
    const double x = static_cast<double>(count) / length;
    return min_rate + (rate - min_rate) * 0.5 * (1 - std::tanh(-6 * (1 - x) + 4 * x));
  }
};

// ALBEF's steps: rate decay^floor(count / every), the warm-up included in the count.
// Source: ALBEF's scheduler/step_lr.py.
struct albef_step {
  double rate = 1e-4, decay = 0.5, warmup_rate = 1e-6;
  int warmup_hundreds = 3, every = 4;

  double at_count(int count) const {
    if (count < warmup_hundreds) return warmup_rate + count * (rate - warmup_rate) / warmup_hundreds;
    return rate * std::pow(decay, count / every);
  }
  double operator()(const train_position& at) const { return at_count(detail::albef_count(at, warmup_hundreds)); }
};

// BLIP's pre-training, and linear_warmup_step_lr of LAVIS: linear warm-up by iterations within epoch 0, which a run
// that starts later does not have; then max(min_rate, rate decay^epoch). Source: BLIP's utils.py and pretrain.py.
struct blip_step_decay {
  double rate = 3e-4, min_rate = 1e-6, warmup_rate = 1e-6, decay = 0.9;
  std::int64_t warmup_steps = 3000;

  double operator()(const train_position& at) const {
    if (at.epoch == 0) return detail::linear_warmup(warmup_rate, rate, at.iteration, warmup_steps);
    return std::max(min_rate, rate * std::pow(decay, at.epoch));
  }
};

// BLIP's fine-tuning: min_rate + (rate - min_rate) (1 + cos(pi epoch / epochs)) / 2, constant within an epoch.
// Source: BLIP's utils.py.
struct blip_cosine {
  double rate = 1e-5, min_rate = 0;
  int epochs = 5;

  double operator()(const train_position& at) const { return detail::half_cosine(rate, min_rate, at.epoch, epochs); }
};

// BLIP's cosine with a linear warm-up by iterations within epoch 0; a negative warmup_rate means none.
// Source: linear_warmup_cosine_lr of LAVIS (lavis/common/optims.py).
struct linear_warmup_cosine {
  double rate = 1e-5, min_rate = 0, warmup_rate = -1;
  std::int64_t warmup_steps = 0;
  int epochs = 5;

  double operator()(const train_position& at) const {
    if (at.epoch == 0)
      return detail::linear_warmup(warmup_rate < 0 ? rate : warmup_rate, rate, at.iteration, warmup_steps);
    return detail::half_cosine(rate, min_rate, at.epoch, epochs);
  }
};

// Linear warm-up from rate / warmup_steps, then half a cosine down to min_rate, both counted in updates: for runs that are
// measured in steps. Source: get_cosine_schedule_with_warmup of transformers (min_rate 0 there).
struct step_cosine {
  double rate = 1e-4, min_rate = 0;
  std::int64_t warmup_steps = 0, steps = 1;

  double operator()(const train_position& at) const {
    const std::int64_t n = at.epoch * at.iterations_per_epoch + at.iteration;
    if (n < warmup_steps) return rate * static_cast<double>(n + 1) / static_cast<double>(warmup_steps);
    const std::int64_t left = std::max<std::int64_t>(steps - warmup_steps, 1);
    const double done = std::min(1.0, static_cast<double>(n - warmup_steps) / static_cast<double>(left));
    return min_rate + (rate - min_rate) * 0.5 * (1 + std::cos(std::numbers::pi * done));
  }
};

// The same rate always, after a linear warm-up within epoch 0; a negative warmup_rate means none.
// Source: constant_lr of LAVIS.
struct constant_rate {
  double rate = 1e-5, warmup_rate = -1;
  std::int64_t warmup_steps = 0;

  double operator()(const train_position& at) const {
    if (at.epoch > 0) return rate;
    return detail::linear_warmup(warmup_rate < 0 ? rate : warmup_rate, rate, at.iteration, warmup_steps);
  }
};

}  // namespace blip::inline BLIP_ABI
