// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/autograd/var.hpp"
#include "blip/core/sequence_layout.hpp"
#include "blip/layers/seen_attention.hpp"

namespace blip::inline BLIP_ABI {

// What cross-attention of one layer reads: projected context rows, their layout, and who reads which sequence; `seen`
// gets what it computed, if it is there (and nothing is packed).
template <class T, int W>
struct cross_input {
  const var<T, 2 * W>& projected;
  const sequence_layout& layout;
  source_index source = nullptr;
  seen_attention<T>* seen = nullptr;
  bool packed = false;  // `projected` is what ops::packed_keys made of it
};

}  // namespace blip::inline BLIP_ABI
