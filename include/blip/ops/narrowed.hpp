// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/autograd/tape.hpp"
#include "blip/backend/kernels.hpp"

namespace blip::inline BLIP_ABI::ops {

// What a pullback alone will read: x [n, W] itself, or where products are in bf16 and the back end can, a copy of half its
// size, [n, (W + 1) / 2] places with two bf16 in each, so that x may go.
template <class T, class B = typename T::backend_type>
tensor<B> narrowed(T& t, const tensor<B>& x) {
  if constexpr (requires { kernels<B>::narrows(t.device()); })
    if (x && x->value.width > 1 && kernels<B>::narrows(t.device())) {
      tensor<B> y = t.make(x->value.rows, (x->value.width + 1) / 2, x->value.live, false);
      kernels<B>::narrow(t.device(), x->value, y->value);
      return y;
    }
  return x;
}

// x [n, width] of what `narrowed` gave, each element rounded to bf16 if it was copied.
template <class T, class B = typename T::backend_type>
tensor<B> widened(T& t, const tensor<B>& x, int width) {
  if constexpr (requires { kernels<B>::narrows(t.device()); })
    if (x->value.width != width) {
      tensor<B> y = t.make(x->value.rows, width, x->value.live, false);
      kernels<B>::widen(t.device(), x->value, y->value);
      return y;
    }
  return x;
}

}  // namespace blip::inline BLIP_ABI::ops
