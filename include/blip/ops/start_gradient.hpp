// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "blip/autograd/tape.hpp"

namespace blip::inline BLIP_ABI::ops {

// The same values, from which on a gradient is wanted although nothing before them trains: backward comes as far as
// here and goes no further. Where one is wanted already, and on tapes that do not record, x itself. Nothing is copied.
template <class T, int W>
var<T, W> start_gradient(T& t, const var<T, W>& x) {
  if (!T::records || t.is_paused() || x.ref()->needs_gradient) return x;
  auto y = t.shown(x.ref(), x.ref()->value);
  y->needs_gradient = true;
  return var<T, W>(std::move(y));
}

}  // namespace blip::inline BLIP_ABI::ops
