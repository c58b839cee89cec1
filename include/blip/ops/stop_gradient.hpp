// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/autograd/tape.hpp"

namespace blip::inline BLIP_ABI::ops {

// The same values, through which no gradient flows. Nothing is copied.
template <class T, int W>
var<T, W> stop_gradient(T& t, const var<T, W>& x) {
  return var<T, W>(t.detached(x.ref()));
}

}  // namespace blip::inline BLIP_ABI::ops
