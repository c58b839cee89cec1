// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/image/image.hpp"

namespace blip::inline BLIP_ABI {

// The pictures that some texts read, each of them once, and where each text finds its own: `source` of a tower's call.
// Text i reads picture of[i]; where a text reads two, the first ones of all texts come before the second ones. Throws
// shape_error for a number out of range.
struct chosen_pictures {
  std::vector<image> pictures{};
  std::vector<int> source{};

  chosen_pictures(std::span<const image> all, std::span<const int> of) {
    std::vector<int> place(all.size(), -1);
    for (const int picture : of) {
      if (picture < 0 || static_cast<std::size_t>(picture) >= all.size())
        throw shape_error({"chosen_pictures: picture of a text",
                           all.empty() ? std::string("none") : "0 to " + std::to_string(all.size() - 1),
                           std::to_string(picture),
                           {}});
      int& at = place[static_cast<std::size_t>(picture)];
      if (at < 0) {
        at = static_cast<int>(pictures.size());
        pictures.push_back(all[static_cast<std::size_t>(picture)]);
      }
      source.push_back(at);
    }
  }

  // Every text has its own, in order.
  bool all_different() const { return pictures.size() == source.size(); }
};

}  // namespace blip::inline BLIP_ABI
