// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/ops/affine.hpp"
#include "blip/ops/patchify.hpp"

namespace blip::inline BLIP_ABI {

struct patch_config {
  int width = 0;
  int patch = 16;
  int channels = 3;
};

namespace detail {

template <patch_config C>
consteval bool patch_rules() {
  static_assert(C.width > 0, "blip::patch_embedding: set patch_config::width");
  static_assert(C.patch > 0 && C.channels > 0, "blip::patch_embedding: patch and channels must be positive");
  return C.width > 0 && C.patch > 0 && C.channels > 0;
}

}  // namespace detail

// A convolution whose stride is its size, as a product: one row per patch.  pixels [B, C H W], y [B N, width].
// Parameters: weight [width, C, p, p] (kernels see [width, C p p]), bias [width].
template <patch_config C, backend B, bool = detail::patch_rules<C>()>
class patch_embedding {};

template <patch_config C, backend B>
class patch_embedding<C, B, true> {
 public:
  patch_embedding() {
    weight_.stored_as({C.width, C.channels, C.patch, C.patch}, 4).starts(initial::uniform_fan_in);
  }

  template <class T>
  var<T, C.width> forward(T& t, const images<T>& pixels) const {
    static_assert(same_back_end<T, B>());
    require_equal("patch_embedding", "channels of the picture", pixels.channels(), C.channels);
    return ops::affine<C.width>(t, ops::patchify<columns>(t, pixels, C.patch), weight_, &bias_);
  }

  template <class Self, class F>
  static void members(Self& self, F&& f) {
    f("proj.weight", self.weight_);
    f("proj.bias", self.bias_);
  }

 private:
  static constexpr int columns = C.channels * C.patch * C.patch;
  parameter weight_{C.width, columns, true};
  parameter bias_{C.width};
};

}  // namespace blip::inline BLIP_ABI
