// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/autograd/var.hpp"
#include "blip/core/sequence_layout.hpp"

namespace blip::inline BLIP_ABI {

// What self-attention of one layer reads and writes when rows continue sequences: the cache [m, 2 W] = [key | value],
// the cache's row for each new row, and where each sequence lies in the cache, its new rows included.
template <class T, int W>
struct cached_keys {
  var<T, 2 * W> rows;
  const int* places = nullptr;  // back-end memory
  sequence_layout layout;
};

}  // namespace blip::inline BLIP_ABI
