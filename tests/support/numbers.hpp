// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

namespace blip_test {

// Numbers for tests: made from a seed by an own generator (splitmix64), compared by their bits or within a bound.
using numbers = std::vector<double>;

inline constexpr double nan = std::numeric_limits<double>::quiet_NaN();

template <class V>
decltype(auto) at(V& v, int i) {
  return v[static_cast<std::size_t>(i)];
}

inline numbers random_numbers(int count, std::uint64_t seed, double low = -1, double high = 1) {
  numbers v;
  std::uint64_t state = seed * 0x9e3779b97f4a7c15u;
  for (int i = 0; i < count; ++i) {
    std::uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    const double u = static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
    v.push_back(static_cast<double>(static_cast<float>(low + (high - low) * u)));  // exact in every scalar
  }
  return v;
}

template <class T>
std::vector<T> rows_of(const std::vector<T>& m, int width, int first, int count) {
  const auto begin = m.begin() + std::ptrdiff_t{first} * width;
  return {begin, begin + std::ptrdiff_t{count} * width};
}

inline double largest(const numbers& v) {
  double most = 0;
  for (const double x : v) most = std::max(most, std::abs(x));
  return most;
}

// Equal bits; says where they differ first.
inline std::string difference_of_bits(const numbers& a, const numbers& b) {
  if (a.size() != b.size()) return std::to_string(a.size()) + " numbers against " + std::to_string(b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    if (std::memcmp(&a[i], &b[i], sizeof(double)) != 0)
      return "number " + std::to_string(i) + ": " + std::to_string(a[i]) + " against " + std::to_string(b[i]) +
             ", apart by " + std::to_string((a[i] - b[i]) * 1e9) + "e-9";
  return {};
}

// The largest distance, as a fraction of the largest expected number (or of `floor`, if that is more).
inline double worst_error(const numbers& found, const numbers& expected, double floor = 1e-3) {
  if (found.size() != expected.size()) return std::numeric_limits<double>::infinity();
  double worst = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double d = std::abs(found[i] - expected[i]);
    if (!(d <= worst)) worst = d;  // NaN comes through
    if (std::isnan(worst)) return worst;
  }
  return worst / std::max(floor, largest(expected));
}

}  // namespace blip_test
