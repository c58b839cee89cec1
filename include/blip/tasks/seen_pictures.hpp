// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "blip/autograd/tape.hpp"
#include "blip/core/buffer.hpp"
#include "blip/image/evaluation_view.hpp"
#include "blip/layers/seen_attention.hpp"
#include "blip/ops/gather_rows.hpp"

namespace blip::inline BLIP_ABI {

// Pictures as evaluation looks at them, and their states from the vision tower: rows [pictures * (1 + patches), width].
template <class T, class Towers>
class seen_pictures {
 public:
  using B = typename T::backend_type;
  using S = typename B::scalar;

  // `watch` gets what the attention of one layer computes.
  seen_pictures(T& t, const Towers& towers, std::span<const image> pictures, const evaluation_view_options& view,
                const watched_layer<T>& watch = {})
      : pixels_(to_device(pictures, view)),
        rows(towers.images(t, as_input(t, static_cast<int>(pictures.size()), view), watch)) {
    std::vector<int> first;
    for (int i = 0; i < rows.layout.sequences; ++i) first.push_back(rows.layout.step * i);
    first_ = buffer<B, int>(std::span<const int>(first));
  }

  // The class row of each picture.
  auto class_rows(T& t) const { return ops::gather_rows(t, rows.rows, first_.data(), rows.layout.sequences); }

 private:
  static buffer<B, S> to_device(std::span<const image> pictures, const evaluation_view_options& view) {
    const std::vector<float> pixels = evaluation_pixels(pictures, view);
    const std::vector<S> as(pixels.begin(), pixels.end());
    return buffer<B, S>(std::span<const S>(as));
  }
  images<T> as_input(T& t, int count, const evaluation_view_options& view) const {
    const int width = 3 * view.height * view.width;
    return images<T>(t.input({pixels_.data(), count, width, width, nullptr}), 3, view.height, view.width);
  }

  buffer<B, S> pixels_;
  buffer<B, int> first_;

 public:
  typename Towers::template image_rows<T> rows;
};

}  // namespace blip::inline BLIP_ABI
