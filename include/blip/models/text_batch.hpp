// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/core/packed_layout.hpp"

namespace blip::inline BLIP_ABI {

// A batch of token sequences in back-end memory, packed and checked: the way for ids from outside into a model.
template <backend B>
class text_batch {
 public:
  // Throws shape_error for an empty sequence or an id outside [0, vocabulary).
  text_batch(std::span<const std::vector<int>> texts, int vocabulary) {
    std::vector<int> ids, lengths;
    for (const std::vector<int>& text : texts) {
      for (const int id : text)
        if (id < 0 || id >= vocabulary)
          throw shape_error({"text_batch: token id in text " + std::to_string(lengths.size()),
                             "0 to " + std::to_string(vocabulary - 1), std::to_string(id), {}});
      ids.insert(ids.end(), text.begin(), text.end());
      lengths.push_back(static_cast<int>(text.size()));
    }
    layout_ = packed_layout<B>(lengths);
    ids_ = buffer<B, int>(std::span<const int>(ids));
  }

  const int* ids() const { return ids_.data(); }
  const sequence_layout& layout() const { return layout_.view(); }

 private:
  buffer<B, int> ids_;
  packed_layout<B> layout_;
};

}  // namespace blip::inline BLIP_ABI
