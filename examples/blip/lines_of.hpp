// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "blip/core/file.hpp"
#include "blip/core/limits.hpp"

namespace tool {

// The lines of a file of texts.
inline std::vector<std::string> lines_of(const std::string& file) {
  const std::string all = blip::read_file<std::string>(file, blip::limits{}.json_bytes);
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < all.size();) {
    const std::size_t end = std::min(all.find('\n', begin), all.size());
    lines.push_back(all.substr(begin, end - begin));
    if (lines.back().ends_with('\r')) lines.back().pop_back();
    begin = end + 1;
  }
  return lines;
}

}  // namespace tool
