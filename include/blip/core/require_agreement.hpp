// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "blip/core/communicator.hpp"
#include "blip/core/error.hpp"

namespace blip::inline BLIP_ABI {

struct agreed_number {
  const char* what;
  std::int64_t value;
};

// Throws distributed_error "where: what" on every rank when one of the numbers is not the same on all: ranks that went on
// would read each other's memory by different sizes, or wait for ever.
template <class B>
void require_agreement(communicator<B>& ranks, const char* where, std::initializer_list<agreed_number> numbers) {
  if (ranks.ranks() == 1) return;
  std::vector<std::int64_t> own;
  for (const agreed_number& n : numbers) own.push_back(n.value);
  std::vector<std::int64_t> all(own.size() * static_cast<std::size_t>(ranks.ranks()));
  ranks.all_gather_host(own.data(), all.data(), own.size() * sizeof(std::int64_t));
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::size_t rank = i / own.size(), number = i % own.size();
    if (all[i] != all[number])
      throw distributed_error({std::string(where) + ": " + numbers.begin()[number].what,
                               "the same on all ranks, " + std::to_string(all[number]) + " as on rank 0",
                               std::to_string(all[i]) + " on rank " + std::to_string(rank),
                               "give all ranks the same model, options and batch size"});
  }
}

}  // namespace blip::inline BLIP_ABI
