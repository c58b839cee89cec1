// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "blip/backend/kernels.hpp"
#include "blip/core/arena.hpp"

namespace blip::inline BLIP_ABI {

struct adamw_options {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double weight_decay = 0.05;
};

// AdamW (Loshchilov & Hutter 2019), with the state of every parameter in two arenas:
//   value <- value - rate decay value - rate m^ / (sqrt(v^) + epsilon),  m^, v^ the bias-corrected moments of the gradient.
// A parameter that no loss reached is left alone, decay included, and its step count stands still, as in PyTorch.
// Vectors (biases, norms) are not decayed, as in the published recipes; `decay` overrides that per entry.
template <backend B>
class adamw {
 public:
  explicit adamw(std::shared_ptr<const arena_layout> layout, adamw_options o = {})
      : options_(o), first_(layout), second_(layout), steps_(layout->entries().size(), 0) {
    for (const auto& e : layout->entries()) decay_.push_back(e.rank > 1 ? o.weight_decay : 0.0);
  }

  void decay(int entry, double weight_decay) { decay_[static_cast<std::size_t>(entry)] = weight_decay; }

  void step(device<B>& d, arena<B>& values, const gradients<B>& g, double rate) {
    const auto& entries = values.layout()->entries();
    require_equal("adamw", "parameters", static_cast<long long>(entries.size()), static_cast<long long>(steps_.size()));
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (!g.touched(static_cast<int>(i))) continue;
      const auto t = static_cast<double>(++steps_[i]);
      const auto view = [&]<class S>(S* data) {
        return matrix_view<S>{data + entries[i].offset, entries[i].rows, entries[i].cols, entries[i].cols, nullptr};
      };
      kernels<B>::adamw(d,
                        {rate, options_.beta1, options_.beta2, options_.epsilon, decay_[i],
                         1 - std::pow(options_.beta1, t), 1 - std::pow(options_.beta2, t)},
                        view(g.values().data()), view(values.data()), view(first_.data()), view(second_.data()));
    }
  }

  arena<B>& first_moment() { return first_; }
  arena<B>& second_moment() { return second_; }
  std::vector<std::int64_t>& steps() { return steps_; }

 private:
  adamw_options options_;
  arena<B> first_, second_;
  std::vector<std::int64_t> steps_;
  std::vector<double> decay_;
};

}  // namespace blip::inline BLIP_ABI
