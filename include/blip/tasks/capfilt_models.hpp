// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "blip/tasks/captioner.hpp"
#include "blip/tasks/matcher.hpp"

namespace blip::inline BLIP_ABI {

// A captioner on a device, as CapFilt asks for one (blip/train/picture_captioner.hpp): the best text of each picture.
template <class Model>
struct device_captioner {
  device<typename Model::backend_type>& where;
  const captioner<Model>& who;

  std::vector<std::string> caption(std::span<const image> pictures, std::span<const std::uint64_t> streams) const {
    std::vector<std::string> texts;
    for (const std::vector<caption_result>& best : who(where, pictures, streams)) texts.push_back(best.at(0).text);
    return texts;
  }
};

// A matcher on a device, likewise: ITM probabilities.
template <class Model>
struct device_matcher {
  device<typename Model::backend_type>& where;
  const matcher<Model>& who;

  std::vector<double> match(std::span<const image> pictures, std::span<const std::string> texts) const {
    return who.probabilities(where, pictures, texts);
  }
  std::vector<double> match(std::span<const image> pictures, std::span<const std::string> texts,
                            std::span<const int> of) const {
    std::vector<pair_of> pairs;
    for (int i = 0; i < static_cast<int>(of.size()); ++i) pairs.push_back({of[static_cast<std::size_t>(i)], i});
    return who.probabilities(where, pictures, texts, pairs);
  }
};

}  // namespace blip::inline BLIP_ABI
