// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

#include "blip/backend/cuda/memory.hpp"
#include "blip/backend/types.hpp"

namespace blip::inline BLIP_ABI {

extern "C" {
void blip_cuda_adamw(device<cuda>&, std::span<const adamw_piece> pieces, const float* gradient, float* value,
                     float* first, float* second);
void blip_cuda_squared_norm(device<cuda>&, std::int64_t n, const float* x, double* y);
void blip_cuda_ema(device<cuda>&, std::int64_t n, double momentum, const float* value, float* target);
}

namespace detail {

// What one launch of AdamW knows of its pieces, all of it in the kernel's arguments (4 KB): blocks of `block` scalars are
// dealt to pieces in their order. Pieces whose steps are equal share one.
struct adamw_batch {
  static constexpr int most_pieces = 256, most_steps = 8, block = 4096;
  struct numbers {
    float scale, beta1, rest1, beta2, rest2, root2, epsilon, keep, rate;
    bool operator==(const numbers&) const = default;
  };

  int pieces = 0, steps = 0;
  std::uint32_t first_block[most_pieces + 1] = {};
  std::uint32_t begin[most_pieces] = {}, size[most_pieces] = {};  // a piece begins at a multiple of 16: these are counted
  std::uint8_t step_of[most_pieces] = {};
  numbers step[most_steps] = {};

  int blocks() const { return static_cast<int>(first_block[pieces]); }

  static numbers numbers_of(const adamw_step& u) {
    const auto f = [](double x) { return static_cast<float>(x); };
    return {f(u.gradient_scale), f(u.beta1),
            f(1 - u.beta1),      f(u.beta2),
            f(1 - u.beta2),      f(std::sqrt(u.correction2)),
            f(u.epsilon),        f(1 - u.rate * u.decay),
            f(u.rate / u.correction1)};
  }
  // False when it has no room.
  bool add(const adamw_piece& p) {
    if (pieces == most_pieces) return false;
    const numbers n = numbers_of(p.step);
    const auto there = std::find(step, step + steps, n) - step;
    if (there == steps) {
      if (steps == most_steps) return false;
      step[steps++] = n;
    }
    const int i = pieces++;
    step_of[i] = static_cast<std::uint8_t>(there);
    begin[i] = static_cast<std::uint32_t>(p.begin / 16), size[i] = static_cast<std::uint32_t>(p.size);
    first_block[i + 1] = first_block[i] + static_cast<std::uint32_t>((p.size + block - 1) / block);
    return true;
  }
};

// Calls f for each launch that the pieces need.
template <class F>
void each_adamw_batch(std::span<const adamw_piece> pieces, F f) {
  adamw_batch batch;
  for (const adamw_piece& p : pieces) {
    if (batch.add(p)) continue;
    f(batch);
    batch = {};
    batch.add(p);
  }
  if (batch.pieces > 0) f(batch);
}

}  // namespace detail

// The optimiser's kernels of the GPU; contracts in blip/backend/kernels.hpp.
struct cuda_optimiser {
  static constexpr auto adamw = &detail::cuda_call<&blip_cuda_adamw>::call;
  static constexpr auto squared_norm = &detail::cuda_call<&blip_cuda_squared_norm>::call;
  static constexpr auto ema = &detail::cuda_call<&blip_cuda_ema>::call;
};

}  // namespace blip::inline BLIP_ABI
