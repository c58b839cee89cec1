// SPDX-License-Identifier: Apache-2.0
#pragma once

// Damaged copies of a file's bytes, the same ones in every run.
#include <string>

#include "blip/core/error.hpp"
#include "blip/core/philox.hpp"
#include "support/catch.hpp"

namespace blip_test {

// Calls read(bytes) for every prefix of `good` and for `count` copies with one to four bytes changed, removed or added.
// Each must be read or refused with an error of the library. Returns how many were refused.
template <class F>
int read_damaged(const std::string& good, int count, F read) {
  int refused = 0;
  const auto attempt = [&](const std::string& bytes) {
    try {
      read(bytes);
    } catch (const blip::error& e) {
      ++refused;
      CHECK(!e.where().empty());
    }
  };
  for (std::size_t n = 0; n < good.size(); ++n) attempt(good.substr(0, n));
  for (int i = 0; i < count; ++i) {
    std::string bytes = good;
    const auto draw = blip::philox({static_cast<std::uint32_t>(i), 0, 0, 0}, {7, 11});
    for (std::uint32_t k = 0; k <= draw[0] % 4; ++k) {
      const auto w = blip::philox({static_cast<std::uint32_t>(i), k, 1, 0}, {7, 11});
      const std::size_t at = w[0] % (bytes.size() + 1);
      if (w[1] % 3 == 0)
        bytes.insert(at, 1, static_cast<char>(w[2]));
      else if (at < bytes.size() && w[1] % 3 == 1)
        bytes.erase(at, 1);
      else if (at < bytes.size())
        bytes[at] = static_cast<char>(w[2]);
    }
    attempt(bytes);
  }
  return refused;
}

}  // namespace blip_test
