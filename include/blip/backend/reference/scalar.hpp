// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <numbers>

#include "blip/backend/types.hpp"
#include "blip/core/error.hpp"

namespace blip::inline BLIP_ABI::detail {

// What comparisons look at: the real part of a complex number, the value of a dual number.
template <class S>
constexpr double real_part(const S& x) {
  if constexpr (requires { x.real(); })
    return x.real();
  else if constexpr (requires { x.value; })
    return x.value;
  else
    return x;
}

template <class S>
S erf_of(const S& x) {
  using std::erf;
  if constexpr (requires { erf(x); })
    return erf(x);
  else
    throw config_error({"reference back end: GELU", "a scalar that has erf", "one that has none", {}});
}

// The value of an activation, and the derivative of the same.
template <class S>
S activate(activation a, const S& x) {
  using std::tanh;
  switch (a) {
    case activation::gelu: return S(0.5) * x * (S(1) + erf_of(x * S(1 / std::numbers::sqrt2)));
    case activation::relu: return real_part(x) > 0 ? x : S(0);
    case activation::tanh: return tanh(x);
    case activation::none: break;
  }
  return x;
}

template <class S>
S activation_slope(activation a, const S& x) {
  using std::exp, std::tanh;
  switch (a) {
    case activation::gelu:
      return S(0.5) * (S(1) + erf_of(x * S(1 / std::numbers::sqrt2))) +
             x * exp(S(-0.5) * x * x) * S(std::numbers::inv_sqrtpi / std::numbers::sqrt2);
    case activation::relu: return real_part(x) > 0 ? S(1) : S(0);
    case activation::tanh: return S(1) - tanh(x) * tanh(x);
    case activation::none: break;
  }
  return S(1);
}

}  // namespace blip::inline BLIP_ABI::detail
