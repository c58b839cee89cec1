// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>

#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI::report {

// Numbers as people read them, in any locale alike.
inline std::string fixed(double value, int decimals) {
  char digits[400];
  const auto r = std::to_chars(digits, digits + sizeof digits, value, std::chars_format::fixed, decimals);
  std::string text(digits, r.ptr);
  if (text[0] != '-') return text;
  text.erase(0, 1);
  return text.find_first_of("123456789") == text.npos ? text : "\u2212" + text;  // no minus zero
}

// 26,400
inline std::string grouped(std::int64_t n) {
  std::string text = std::to_string(n);
  for (std::size_t at = text.size(); at > 3 + (n < 0 ? 1u : 0u);) text.insert(at -= 3, 1, ',');
  return text;
}

// A share as "42 %", near the ends as "5.5 %" and "97.2 %"; what is not quite nothing or all does not look like it.
inline std::string percent(double share) {
  const double p = 100 * share;
  const std::string unit = "\u00a0%";
  if (p > 0 && p < 0.05) return "under\u00a00.1" + unit;
  if (p < 100 && p >= 99.95) return "over\u00a099.9" + unit;
  return fixed(p, (p > 0 && p < 9.95) || (p >= 90 && p < 100) ? 1 : 0) + unit;
}

// The difference of two shares: "+16 points".
inline std::string points_text(double difference) {
  const std::string size = fixed(100 * std::abs(difference), std::abs(difference) < 0.0995 ? 1 : 0);
  if (size == "0.0") return "no change";
  return (difference < 0 ? "\u2212" : "+") + size + "\u00a0points";
}

// Half the width of the 95 % interval of a share that was counted on n cases (normal approximation).
inline double margin(double share, std::int64_t n) {
  return n > 0 ? 1.96 * std::sqrt(share * (1 - share) / static_cast<double>(n)) : 0;
}

}  // namespace blip::inline BLIP_ABI::report
