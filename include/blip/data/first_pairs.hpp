// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "blip/core/error.hpp"
#include "blip/data/pair_source.hpp"

namespace blip::inline BLIP_ABI {

// The first pairs of a source, all of it where it has no more; of blocks only whole ones, since neighbours stay together.
class first_pairs {
 public:
  // Throws config_error where not even one block is left.
  first_pairs(any_pairs all, std::uint64_t most) : all_(std::move(all)) {
    const std::uint64_t block = std::max<std::uint64_t>(all_.block(), 1);
    count_ = std::min(most / block * block, all_.size());
    if (count_ == 0)
      throw config_error({"first_pairs: how many", std::to_string(block) + " or more, of a source that has some",
                          std::to_string(most) + " of " + std::to_string(all_.size()), {}});
  }

  std::uint64_t size() const { return count_; }
  std::uint64_t block() const { return all_.block(); }
  std::string name(std::uint64_t i) const { return all_.id(i); }
  captioned_picture sample(std::uint64_t i, std::uint64_t turn = 0) const { return all_.sample(i, turn); }

 private:
  any_pairs all_;
  std::uint64_t count_ = 0;
};
static_assert(pair_source<first_pairs>);

}  // namespace blip::inline BLIP_ABI
