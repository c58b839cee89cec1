// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <numbers>

namespace blip_test {

// value + derivative e with e e = 0: running a function on dual numbers gives its directional derivative without any
// rounding but that of the arithmetic itself. A scalar of the reference back end.
struct dual {
  double value = 0, derivative = 0;

  constexpr dual() = default;
  constexpr dual(double v, double d = 0) : value(v), derivative(d) {}  // NOLINT(google-explicit-constructor)

  constexpr dual operator-() const { return {-value, -derivative}; }
  friend constexpr dual operator+(dual a, dual b) { return {a.value + b.value, a.derivative + b.derivative}; }
  friend constexpr dual operator-(dual a, dual b) { return {a.value - b.value, a.derivative - b.derivative}; }
  friend constexpr dual operator*(dual a, dual b) {
    return {a.value * b.value, a.derivative * b.value + a.value * b.derivative};
  }
  friend constexpr dual operator/(dual a, dual b) {
    return {a.value / b.value, (a.derivative - a.value / b.value * b.derivative) / b.value};
  }
  constexpr dual& operator+=(dual b) { return *this = *this + b; }
  constexpr dual& operator-=(dual b) { return *this = *this - b; }
  constexpr dual& operator*=(dual b) { return *this = *this * b; }
  constexpr dual& operator/=(dual b) { return *this = *this / b; }
};

inline dual exp(dual x) { return {std::exp(x.value), std::exp(x.value) * x.derivative}; }
inline dual log(dual x) { return {std::log(x.value), x.derivative / x.value}; }
inline dual sqrt(dual x) { return {std::sqrt(x.value), x.derivative / (2 * std::sqrt(x.value))}; }
inline dual tanh(dual x) {
  const double y = std::tanh(x.value);
  return {y, (1 - y * y) * x.derivative};
}
inline dual erf(dual x) {
  return {std::erf(x.value), 2 * std::numbers::inv_sqrtpi * std::exp(-x.value * x.value) * x.derivative};
}

}  // namespace blip_test
