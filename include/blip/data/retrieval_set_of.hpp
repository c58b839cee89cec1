// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/data/pair_set.hpp"
#include "blip/data/retrieval_set.hpp"
#include "blip/data/skipped_samples.hpp"

namespace blip::inline BLIP_ABI {

// The pictures of a set, each once, with all that its samples say of it: captions of one picture may be one record or
// several. A sample that cannot be read is counted.
inline retrieval_set retrieval_set_of(const pair_set& pairs, skipped_samples& skipped) {
  std::unordered_map<std::string, std::size_t> place;
  std::vector<captioned_record> records;
  for (std::uint64_t i = 0; i < pairs.size(); ++i) {
    try {
      pair_text t = pairs.text(i);
      const auto [at, is_new] = place.emplace(t.picture, records.size());
      if (is_new) records.push_back({t.picture, {}, {}});
      std::vector<std::string>& captions = records[at->second].captions;
      captions.insert(captions.end(), t.captions.begin(), t.captions.end());
    } catch (const error& e) {
      skipped.skip(e);
    }
  }
  return make_retrieval_set(records);
}

// The part of a set whose pictures are marked, in its order.
inline retrieval_set only_pictures(const retrieval_set& all, const std::vector<bool>& marked) {
  std::vector<captioned_record> records;
  for (std::size_t p = 0; p < all.images.size(); ++p) {
    if (!marked[p]) continue;
    records.push_back({all.images[p], {}, {}});
    for (const int t : all.texts_of_image[p]) records.back().captions.push_back(all.texts[static_cast<std::size_t>(t)]);
  }
  return make_retrieval_set(records);
}

}  // namespace blip::inline BLIP_ABI
