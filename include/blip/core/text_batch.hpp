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
  text_batch() = default;
  // Every text begins with the token `first` instead of its own first one, if `first` is not negative ([ENC], [DEC]).
  // `number` is that of the first text among those of all ranks: where dropout draws (see example_site).
  // Throws shape_error for an empty sequence or an id outside [0, vocabulary).
  text_batch(std::span<const std::vector<int>> texts, int vocabulary, int first = -1, int number = 0) {
    std::vector<int> ids, lengths, ends;
    for (const std::vector<int>& text : texts) {
      for (std::size_t i = 0; i < text.size(); ++i) {
        const int id = i == 0 && first >= 0 ? first : text[i];
        if (id < 0 || id >= vocabulary)
          throw shape_error({"text_batch: token id in text " + std::to_string(lengths.size()),
                             "0 to " + std::to_string(vocabulary - 1), std::to_string(id), {}});
        ids.push_back(id);
      }
      lengths.push_back(static_cast<int>(text.size()));
      ends.push_back(static_cast<int>(ids.size()) - 1);
    }
    layout_ = packed_layout<B>(lengths);
    layout_.first_stream(number);
    ids_ = buffer<B, int>(std::span<const int>(ids));
    ends_ = buffer<B, int>(std::span<const int>(ends));
  }

  const int* ids() const { return ids_.data(); }
  const sequence_layout& layout() const { return layout_.view(); }
  // The row of each sequence's last token; the first ones are layout().begins.
  const int* ends() const { return ends_.data(); }

 private:
  buffer<B, int> ids_, ends_;
  packed_layout<B> layout_;
};

}  // namespace blip::inline BLIP_ABI
