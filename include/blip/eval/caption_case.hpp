// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "blip/core/error.hpp"

namespace blip::inline BLIP_ABI {

// The words of a caption, as `caption_words` gives them.
using word_list = std::vector<std::string>;

// A caption to be judged, and what people wrote about the same picture.
struct caption_case {
  word_list candidate;
  std::vector<word_list> references;
};

// Throws shape_error for no cases at all and for a case without a reference.
inline void require_references(std::span<const caption_case> cases, const char* where) {
  if (cases.empty()) throw shape_error({std::string(where) + ": captions", "at least one", "none", {}});
  for (std::size_t i = 0; i < cases.size(); ++i)
    if (cases[i].references.empty())
      throw shape_error(
          {std::string(where) + ": references of caption " + std::to_string(i), "at least one", "none", {}});
}

}  // namespace blip::inline BLIP_ABI
