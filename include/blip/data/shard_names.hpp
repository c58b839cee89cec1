// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/core/limits.hpp"
#include "blip/core/one_line.hpp"

namespace blip::inline BLIP_ABI {

// The names that shard-{000..010}.tar stands for, both ends included, with as many digits as they are written; braces may
// come several times, the last ones count fastest. Throws format_error for braces that are not so, limit_error for more than
// limits::tensors names.
inline std::vector<std::string> shard_names(std::string_view pattern, const limits& bounds = {}) {
  const std::size_t open = pattern.find('{');
  if (open == pattern.npos) return {std::string(pattern)};
  const std::size_t close = pattern.find('}', open), dots = pattern.find("..", open);
  const auto fail = [&] {
    throw format_error({"shard names: " + detail::one_line(pattern, 200), "braces as in {000..010}", "others", {}});
  };
  if (close == pattern.npos || dots == pattern.npos || dots > close) fail();
  const std::string_view from = pattern.substr(open + 1, dots - open - 1), to = pattern.substr(dots + 2, close - dots - 2);
  const auto number = [&](std::string_view text) {
    std::uint64_t n = 0;
    const auto [end, e] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (text.empty() || e != std::errc() || end != text.data() + text.size()) fail();
    return n;
  };
  const std::uint64_t first = number(from), last = number(to);
  if (first > last) fail();
  const std::vector<std::string> rests = shard_names(pattern.substr(close + 1), bounds);
  if (last - first >= bounds.tensors / rests.size())
    throw limit_error({"shard names", "at most " + std::to_string(bounds.tensors), "more", {}});
  std::vector<std::string> names;
  for (std::uint64_t n = 0; n <= last - first; ++n) {
    std::string digits = std::to_string(first + n);
    if (digits.size() < from.size()) digits.insert(0, from.size() - digits.size(), '0');
    for (const std::string& rest : rests) names.push_back(std::string(pattern.substr(0, open)) + digits + rest);
  }
  return names;
}

}  // namespace blip::inline BLIP_ABI
