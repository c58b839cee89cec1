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
    std::size_t rows = 0;
    for (const std::vector<int>& text : texts) rows += text.size();
    std::vector<int> ids(rows), lengths(texts.size()), ends(texts.size());
    std::size_t row = 0;
    for (std::size_t s = 0; s < texts.size(); ++s) {
      for (std::size_t i = 0; i < texts[s].size(); ++i) {
        const int id = i == 0 && first >= 0 ? first : texts[s][i];
        if (id < 0 || id >= vocabulary)
          throw shape_error({"text_batch: token id in text " + std::to_string(s),
                             "0 to " + std::to_string(vocabulary - 1), std::to_string(id), {}});
        ids[row++] = id;
      }
      lengths[s] = static_cast<int>(texts[s].size());
      ends[s] = static_cast<int>(row) - 1;
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
