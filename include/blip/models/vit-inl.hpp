// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/models/vit.hpp"
#include "blip/ops/by_rows.hpp"

namespace blip::inline BLIP_ABI {

template <vit_config C, backend B>
template <bool First, class T>
auto vit<C, B, true>::run(T& t, const images<T>& pixels, observer<T> observe, const watched_layer<T>& watch) const
    -> var<T, width> {
  static_assert(same_back_end<T, B>());
  const position_grid to = grid(pixels.height(), pixels.width());
  if (!options_.any_size && (to.height != table_.height || to.width != table_.width))
    throw shape_error({"vit: picture of " + std::to_string(pixels.height()) + " x " + std::to_string(pixels.width()),
                       std::to_string(options_.image_height) + " x " + std::to_string(options_.image_width),
                       "another size", "resize the picture, or set vit_options::any_size"});
  var<T, C.width> x = patches_.forward(t, pixels);
  observe(-1, x);
  x = ops::tokens(t, x, &class_, positions_, table_, to, pixels.batch());
  const sequence_layout rows = layout(pixels);
  for (int i = 0; i < depth(); ++i) {
    const block_type& block = blocks_[static_cast<std::size_t>(i)];
    const auto run = [&block, rows, seen = watch.at(i), last = i + 1 == depth()](T& on, const var<T, C.width>& h) {
      if constexpr (First)
        if (last)
          return ops::by_sequences<true>(on, h, rows, [&block](T& tape, const var<T, C.width>& some, const sequence_layout& those) {
            return block.forward_first(tape, some, those);
          });
      if (seen) return block.forward(on, h, rows, false, seen);
      return ops::by_sequences(on, h, rows, [&block](T& tape, const var<T, C.width>& some, const sequence_layout& those) {
        return block.forward(tape, some, those);
      });
    };
    x = i < depth() - options_.checkpoint_last ? run(t, x) : checkpoint(t, x, run);
    observe(i, x);
  }
  return norm_.forward(t, x);
}

}  // namespace blip::inline BLIP_ABI
