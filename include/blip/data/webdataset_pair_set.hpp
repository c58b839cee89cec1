// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "blip/data/pair_set.hpp"
#include "blip/data/webdataset_pairs.hpp"

namespace blip::inline BLIP_ABI {

// The samples of shards, to be found again by names of the form NUMBER:KEY, "17:000017": shards may use one key twice.
// Needs components `webdataset` and `data`. Throws what webdataset_pairs throws.
inline pair_set webdataset_pair_set(std::string_view shards, picture_decoder decode, const limits& bounds = {}) {
  const auto pairs = std::make_shared<const webdataset_pairs>(shards, std::move(decode), bounds);
  struct shared {
    std::shared_ptr<const webdataset_pairs> pairs;
    std::uint64_t size() const { return pairs->size(); }
    captioned_picture sample(std::uint64_t i) const { return pairs->sample(i); }
  };
  const auto name = [pairs](std::uint64_t i) { return std::to_string(i) + ":" + pairs->name(i); };
  return {
      shared{pairs},
      [pairs, name](std::uint64_t i) {
        return pair_text{name(i), {pairs->caption(i)}};
      },
      [pairs, name](const std::string& wanted) {
        std::uint64_t i = 0;
        std::from_chars(wanted.data(), wanted.data() + wanted.size(), i);
        if (i >= pairs->size() || name(i) != wanted)
          throw format_error(
              {"the name of a picture of shards", "NUMBER:KEY, as 17:000017", "\"" + wanted.substr(0, 64) + "\"", {}});
        return pairs->picture(i);
      }};
}

}  // namespace blip::inline BLIP_ABI
