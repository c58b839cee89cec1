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

template <int Width, int Patch, int Channels>
consteval bool patch_rules() {
  static_assert(Width > 0, "blip::patch_embedding: set patch_config::width, positive");
  static_assert(Patch > 0 && Channels > 0, "blip::patch_embedding: patch and channels must be positive");
  return Width > 0 && Patch > 0 && Channels > 0;
}
template <class T, class X>
consteval bool pixels_are() {
  static_assert(std::same_as<images<T>, X>, "blip::images: a vision tower takes blip::images of its tape, which know "
                                            "channels, height and width");
  return std::same_as<images<T>, X>;
}

}  // namespace detail

// A convolution whose stride is its size, as a product: one row per patch.  pixels [B, C H W], y [B N, width].
// Parameters: weight [width, C, p, p] (kernels see [width, C p p]), bias [width].
template <patch_config C, class B,
          bool = detail::patch_rules<C.width, C.patch, C.channels>() && detail::back_end_rules<B>()>
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

  template <class T, class X>
  var<T, C.width> forward(T&, const X&) const {
    static_assert(detail::pixels_are<T, X>());
    return {};
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
