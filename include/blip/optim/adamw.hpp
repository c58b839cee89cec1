// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "blip/backend/kernels.hpp"
#include "blip/core/arena.hpp"
#include "blip/core/error.hpp"
#include "blip/optim/decay_rule.hpp"

namespace blip::inline BLIP_ABI {

struct adamw_options {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double weight_decay = 0.05;
  decay_rule decayed = decay_rule::matrices_only_albef;  // whom weight_decay is for; BLIP: all
};

// AdamW (Loshchilov & Hutter 2019), with the state of every parameter in two arenas:
//   value <- value - rate decay value - rate m^ / (sqrt(v^) + epsilon),  m^, v^ the bias-corrected moments of the
// gradient. A parameter that no loss reached is left alone, decay included, and its step count stands still, as in
// PyTorch. Groups are a matter of entries: each has a decay and a factor of the learning rate of its own (other rates
// for parts of a model, layer-wise decay). Throws config_error for options out of range, shape_error for arenas of
// another model, numeric_error for a rate that is not finite.
template <backend B>
class adamw {
 public:
  explicit adamw(std::shared_ptr<const arena_layout> layout, adamw_options o = {})
      : options_(o),
        first_(layout),
        second_(layout),
        steps_(layout->entries().size(), 0),
        rate_(layout->entries().size(), 1.0) {
    pieces_.reserve(steps_.size());
    const auto fraction = [](double x) { return x >= 0 && x < 1; };
    if (!fraction(o.beta1) || !fraction(o.beta2) || !(o.epsilon >= 0) || !(o.weight_decay >= 0))
      throw config_error({"adamw: options",
                          "beta1 and beta2 from 0 to below 1, epsilon and weight_decay not negative",
                          "beta1 " + std::to_string(o.beta1) + ", beta2 " + std::to_string(o.beta2) + ", epsilon " +
                              std::to_string(o.epsilon) + ", weight_decay " + std::to_string(o.weight_decay),
                          {}});
    for (const bool decayed : decays(o.decayed, *layout)) decay_.push_back(decayed ? o.weight_decay : 0.0);
  }

  // An entry's own weight decay, in place of what the rule gave it.
  void decay(int entry, double weight_decay) { decay_[place(entry)] = usable(weight_decay); }
  double decay(int entry) const { return decay_[place(entry)]; }
  // What the learning rate of an entry is multiplied with; the decay, which is a part of the rate, follows.
  void rate(int entry, double factor) { rate_[place(entry)] = usable(factor); }
  double rate(int entry) const { return rate_[place(entry)]; }

  // `gradient_scale` multiplies every gradient on the way: clip_factor, or one over a loss scale.
  void step(device<B>& d, arena<B>& values, const gradients<B>& g, double rate, double gradient_scale = 1) {
    const auto& entries = values.layout()->entries();
    require_equal("adamw", "parameters", static_cast<long long>(entries.size()), static_cast<long long>(steps_.size()));
    require_equal("adamw", "scalars of the values", values.size(), first_.size());
    require_equal("adamw", "scalars of the gradients", g.values().size(), first_.size());
    if (!std::isfinite(rate) || !std::isfinite(gradient_scale))  // one such number would reach every weight
      throw numeric_error({"adamw: learning rate and scale of the gradients",
                           "finite numbers",
                           std::to_string(rate) + " and " + std::to_string(gradient_scale),
                           {}});
    pieces_.clear();
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (!g.touched(static_cast<int>(i))) continue;
      const auto t = static_cast<double>(++steps_[i]);
      pieces_.push_back({entries[i].offset,
                         entries[i].size(),
                         {rate * rate_[i], options_.beta1, options_.beta2, options_.epsilon, decay_[i],
                          1 - std::pow(options_.beta1, t), 1 - std::pow(options_.beta2, t), gradient_scale}});
    }
    kernels<B>::adamw(d, std::span<const adamw_piece>(pieces_), g.values().data(), values.data(), first_.data(),
                      second_.data());
  }

  arena<B>& first_moment() { return first_; }
  arena<B>& second_moment() { return second_; }
  std::vector<std::int64_t>& steps() { return steps_; }

 private:
  std::size_t place(int entry) const {
    const auto i = static_cast<std::size_t>(entry);
    if (i >= steps_.size())
      throw shape_error({"adamw: entry", "0 to " + std::to_string(steps_.size() - 1), std::to_string(entry), {}});
    return i;
  }
  static double usable(double x) {
    if (!(x >= 0 && std::isfinite(x)))
      throw config_error(
          {"adamw: an entry's decay or factor of the rate", "a number from 0 on", std::to_string(x), {}});
    return x;
  }

  adamw_options options_;
  arena<B> first_, second_;
  std::vector<std::int64_t> steps_;
  std::vector<double> decay_, rate_;
  std::vector<adamw_piece> pieces_;  // of the step of the moment
};

}  // namespace blip::inline BLIP_ABI
