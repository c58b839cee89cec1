// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>
#include <vector>

#include "blip/autograd/checkpoint.hpp"
#include "blip/config/vit.hpp"
#include "blip/layers/patch_embedding.hpp"
#include "blip/layers/transformer_block.hpp"
#include "blip/ops/tokens.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

template <int Width, int Heads, int Hidden, int Patch, int Channels>
consteval bool vit_rules() {
  static_assert(Width > 0, "blip::vit: set vit_config::width, positive");
  static_assert(Heads > 0, "blip::vit: set vit_config::heads, positive");
  static_assert(Hidden > 0, "blip::vit: set vit_config::hidden, positive");
  static_assert(divides(Heads, Width), "blip::vit: width must be a multiple of heads");
  static_assert(Patch > 0 && Channels > 0, "blip::vit: patch and channels must be positive");
  return Width > 0 && Heads > 0 && Hidden > 0 && divides(Heads, Width) && Patch > 0 && Channels > 0;
}

}  // namespace detail

// The vision tower:  norm(blocks([class; patches] + positions)), all rows returned.
// pixels [B, C H W] to rows [B (N + 1), width], N = (H / p)(W / p), the class row first in each sequence.
// Source: ViT (Dosovitskiy et al. 2021) as in ALBEF's and BLIP's `visual_encoder`; names as in their checkpoints.
template <vit_config C, class B,
          bool = detail::vit_rules<C.width, C.heads, C.hidden, C.patch, C.channels>() && detail::back_end_rules<B>()>
class vit {};

template <vit_config C, backend B>
class vit<C, B, true> {
 public:
  static constexpr int width = C.width;
  using block_type = transformer_block<block_config{.width = C.width, .heads = C.heads, .hidden = C.hidden}, B>;

  [[gnu::cold]] explicit vit(const vit_options& o) : options_(o), norm_(o.norm_eps) {
    if (o.depth < 1)
      throw config_error({"vit: depth", "at least 1", std::to_string(o.depth), "set vit_options::depth"});
    table_ = grid(o.image_height, o.image_width);
    class_.stored_as({1, 1, C.width}, 3).starts(initial::normal);
    positions_ = parameter(table_.rows(), C.width).stored_as({1, table_.rows(), C.width}, 3);
    for (int i = 0; i < o.depth; ++i) {
      const float path = o.depth > 1 ? o.drop_path * static_cast<float>(i) / static_cast<float>(o.depth - 1) : 0;
      blocks_.emplace_back(block_options{o.norm_eps, o.dropout, 0, path});
    }
  }

  // How the rows of a result form sequences: one of N + 1 rows per picture.
  sequence_layout layout(int batch, int height, int width_pixels) const {
    return sequence_layout::uniform(batch, grid(height, width_pixels).rows());
  }
  template <class T>
  sequence_layout layout(const images<T>& pixels) const {
    sequence_layout l = layout(pixels.batch(), pixels.height(), pixels.width());
    l.streams = pixels.streams();
    return l;
  }

  // `observe(i, rows)` sees the patches (i = -1) and what block i gives.
  template <class T>
  using observer = std::type_identity_t<function_ref<void(int, const var<T, width>&)>>;

  // `watch` gets what the attention of one block computes.
  template <class T>
  var<T, width> forward(T& t, const images<T>& pixels, observer<T> observe = ignore<T>,
                        const watched_layer<T>& watch = {}) const {
    return run<false>(t, pixels, observe, watch);
  }
  // The class row of each picture alone, [B, width]: the last block gives no other.
  template <class T>
  var<T, width> forward_first(T& t, const images<T>& pixels) const {
    return run<true>(t, pixels, ignore<T>, {});
  }
  template <class T, class X>
  var<T, width> forward(T&, const X&) const {
    static_assert(detail::pixels_are<T, X>());
    return {};
  }

  int depth() const { return static_cast<int>(blocks_.size()); }
  const position_grid& position_table() const { return table_; }

  template <class Self, class F>
  [[gnu::cold]] static void members(Self& self, F&& f) {
    f("cls_token", self.class_);
    f("pos_embed", self.positions_);
    f("patch_embed", self.patches_);
    f("blocks", self.blocks_);
    f("norm", self.norm_);
  }

 private:
  template <class T>
  static constexpr auto ignore = [](int, const var<T, width>&) {};

  template <bool First, class T>
  var<T, width> run(T& t, const images<T>& pixels, observer<T> observe, const watched_layer<T>& watch) const;

  static position_grid grid(int height, int width_pixels) {
    if (height < C.patch || width_pixels < C.patch || height % C.patch != 0 || width_pixels % C.patch != 0)
      throw shape_error({"vit: picture of " + std::to_string(height) + " x " + std::to_string(width_pixels),
                         "sides that are multiples of the patch size " + std::to_string(C.patch), "a remainder", {}});
    return {1, height / C.patch, width_pixels / C.patch};
  }

  vit_options options_;
  position_grid table_;
  parameter class_{C.width}, positions_;
  patch_embedding<patch_config{C.width, C.patch, C.channels}, B> patches_;
  std::vector<block_type> blocks_;
  layer_norm<width, B> norm_;
};

}  // namespace blip::inline BLIP_ABI

#include "blip/models/vit-inl.hpp"
