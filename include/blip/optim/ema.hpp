// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "blip/backend/kernels.hpp"
#include "blip/core/arena.hpp"
#include "blip/core/error.hpp"

namespace blip::inline BLIP_ABI {

// The exponential moving average that a momentum copy keeps:  target <- momentum target + (1 - momentum) value.
// The target may hold the beginning of the values' layout only; the rest has no average. With momentum 1 nothing
// changes, with momentum 0 the target becomes a copy, both to the bit. One pass, whatever the number of parameters.
// Throws shape_error when the target is not a beginning of the values, config_error for a momentum outside [0, 1].
// Source: ALBEF (section 3.2), after MoCo (He et al. 2020).
template <backend B>
void ema(device<B>& d, double momentum, const arena<B>& values, arena<B>& target) {
  if (target.size() == 0) return;
  if (values.layout() != target.layout())
    throw shape_error({"ema: the target", "the values' layout", "another one", "make it of values.layout()"});
  if (target.size() > values.size())
    throw shape_error({"ema: scalars of the target", "at most " + std::to_string(values.size()),
                       std::to_string(target.size()), "packed values cannot be averaged"});
  if (!(momentum >= 0 && momentum <= 1))
    throw config_error({"ema: momentum", "a number from 0 to 1", std::to_string(momentum), {}});
  if (momentum == 1) return;
  const std::size_t bytes = static_cast<std::size_t>(target.size()) * sizeof(typename B::scalar);
  if (momentum == 0) return memory<B>::copy(target.data(), values.data(), bytes);
  kernels<B>::ema(d, target.size(), momentum, values.data(), target.data());
}

}  // namespace blip::inline BLIP_ABI
