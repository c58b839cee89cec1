// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "blip/autograd/tape.hpp"

namespace blip::inline BLIP_ABI {

// y = block(tape, x), keeping x instead of what the block's pullbacks would need: they are rebuilt in `backward` by
// running the block again on a nested tape. Dropout is addressed, so both runs draw the same numbers, and the gradients
// have the same bits as without. The block is copied into the tape; it must capture layouts and states by value.
template <class T, int W, class F>
var<T, W> checkpoint(T& t, const var<T, W>& x, F block) {
  if constexpr (!T::records) {
    return block(t, x);
  } else {
    if (t.is_paused()) return block(t, x);
    const std::uint32_t scope = t.options().scope;
    var<T, W> y = [&] {
      const auto quiet = t.paused();
      return block(t, x);
    }();
    y.ref()->needs_gradient = true;
    t.record(y.ref(), [x, scope, block = std::move(block)](T& outer, auto dy) {
      T inner = outer.nested(scope);
      inner.backward(block(inner, x), dy);  // adds to the gradient of x itself
    });
    return y;
  }
}

}  // namespace blip::inline BLIP_ABI
