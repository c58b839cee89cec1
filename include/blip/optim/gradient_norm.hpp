// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <type_traits>
#include <vector>

#include "blip/backend/kernels.hpp"
#include "blip/core/arena.hpp"

namespace blip::inline BLIP_ABI {

// The Euclidean norm of the gradients of one step, each and all together; those that no loss reached count 0.
//   all = sqrt(sum_e sum_i g_ei^2)
// Summed in fp64, in an order that no thread count changes. `measure` reads one number per parameter back: once, at the
// end of a step, for clipping, the log and the decision whether the step counts (see non_finite).
template <backend B>
class gradient_norm {
 public:
  void measure(device<B>& d, const gradients<B>& g) {
    layout_ = g.values().layout();
    const auto& entries = layout_->entries();
    squares_.resize(entries.size());
    const scratch<B, double> found(d, entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i)
      if (g.touched(static_cast<int>(i)))
        kernels<B>::squared_norm(d, entries[i].size(), g.values().data() + entries[i].offset, found.data() + i);
    memory<B>::copy_out(squares_.data(), found.data(), entries.size() * sizeof(double));
    double sum = 0;
    first_ = nullptr;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (!g.touched(static_cast<int>(i))) squares_[i] = 0;
      if (!(squares_[i] <= most) && !first_) first_ = &entries[i];
      sum += squares_[i];
    }
    all_ = std::sqrt(sum);
  }

  double all() const { return all_; }
  double of(int entry) const { return std::sqrt(squares_[static_cast<std::size_t>(entry)]); }
  bool finite() const { return !first_ && std::isfinite(all_); }
  // The first entry whose gradient holds a NaN or an infinity, or numbers so large that their squares add up to one: a
  // second moment would keep it for ever. Null: none does.
  const arena_layout::entry* first_non_finite() const { return first_; }

 private:
  using S = typename B::scalar;
  static constexpr double most =
      std::is_same_v<S, float> ? std::numeric_limits<float>::max() : std::numeric_limits<double>::max();

  std::shared_ptr<const arena_layout> layout_;
  std::vector<double> squares_;
  double all_ = 0;
  const arena_layout::entry* first_ = nullptr;
};

}  // namespace blip::inline BLIP_ABI
