// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/autograd/tape.hpp"
#include "blip/backend/kernels.hpp"

namespace blip::inline BLIP_ABI::ops {

// Cuts pictures into patches: y [B N, C p p], patches row-major, a row's columns channel, y, x -- the order in which a
// convolution kernel [out, C, p, p] lies in memory, so that patch embedding is `affine`. The gradient adds to the pixels.
template <int Columns, class T, class B = typename T::backend_type>
var<T, Columns> patchify(T& t, const images<T>& pixels, int patch) {
  const patch_geometry g{pixels.channels(), pixels.height(), pixels.width(), patch};
  if (g.height % patch != 0 || g.width % patch != 0 || g.height < patch || g.width < patch)
    throw shape_error({"ops::patchify: picture of " + std::to_string(g.height) + " x " + std::to_string(g.width),
                       "sides that are multiples of the patch size " + std::to_string(patch), "a remainder", {}});
  require_equal("ops::patchify", "values of a patch", g.patch_values(), Columns);
  tensor<B> y = t.make(pixels.batch() * g.patches(), Columns, nullptr, pixels.ref()->needs_gradient);
  kernels<B>::patchify(t.device(), pixels.ref()->value, g, y->value);
  if constexpr (T::records)
    t.record(y, [gx = sink_of<B>(pixels.ref()), g](T& on, matrix_view<const typename B::scalar> dy) {
      // Every pixel lies in one patch, so overwriting is allowed.
      kernels<B>::patchify_vjp(on.device(), dy, g, on.gradient(gx));
    });
  return var<T, Columns>(std::move(y));
}

}  // namespace blip::inline BLIP_ABI::ops
