// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "blip/core/buffer.hpp"
#include "blip/image/image.hpp"

namespace blip::inline BLIP_ABI {

// Picture number i; the same one whenever it is asked for, because what does not fit into memory is seen again.
using picture_source = std::function<image(int)>;

// Pictures that were seen once: their features of unit length, and the states of the first ones, as many as the bound
// on memory allows.
template <backend B>
struct picture_index {
  using S = typename B::scalar;

  int count = 0;
  buffer<B, S> features{};                // [count, width of the features]
  std::vector<buffer<B, S>> states{};     // of each picture [1 + patches, width]; empty: not kept
  std::uint64_t bytes = 0;                // of the states that are kept
  picture_source source{};
};

// Texts likewise. States are kept only where fusion goes on from them.
template <backend B>
struct text_index {
  using S = typename B::scalar;

  int count = 0;
  buffer<B, S> features{};
  std::vector<std::vector<int>> ids{};    // [CLS] first
  std::vector<buffer<B, S>> states{};     // of each text [tokens, width]
  std::uint64_t bytes = 0;
};

}  // namespace blip::inline BLIP_ABI
