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

// Pictures as evaluation looks at them, on the device for as long as this lives.
template <class B>
class viewed_pictures {
 public:
  using S = typename B::scalar;

  viewed_pictures(std::span<const image> pictures, const evaluation_view_options& view)
      : count_(static_cast<int>(pictures.size())), view_(view), pixels_(to_device(pictures, view)) {}

  template <class T>
  images<T> on(T& t) const {
    const int width = 3 * view_.height * view_.width;
    return images<T>(t.input({pixels_.data(), count_, width, width, nullptr}), 3, view_.height, view_.width);
  }

 private:
  static buffer<B, S> to_device(std::span<const image> pictures, const evaluation_view_options& view) {
    const std::vector<float> pixels = evaluation_pixels(pictures, view);
    const std::vector<S> as(pixels.begin(), pixels.end());
    return buffer<B, S>(std::span<const S>(as));
  }

  int count_;
  evaluation_view_options view_;
  buffer<B, S> pixels_;
};

// Pictures as evaluation looks at them, and their states from the vision tower: rows [pictures * (1 + patches), width].
template <class T, class Towers>
class seen_pictures {
 public:
  using B = typename T::backend_type;

  // `watch` gets what the attention of one layer computes.
  seen_pictures(T& t, const Towers& towers, std::span<const image> pictures, const evaluation_view_options& view,
                const watched_layer<T>& watch = {})
      : pictures_(pictures, view), rows(towers.images(t, pictures_.on(t), watch)) {
    std::vector<int> first;
    for (int i = 0; i < rows.layout.sequences; ++i) first.push_back(rows.layout.step * i);
    first_ = buffer<B, int>(std::span<const int>(first));
  }

  // The class row of each picture.
  auto class_rows(T& t) const { return ops::gather_rows(t, rows.rows, first_.data(), rows.layout.sequences); }

 private:
  viewed_pictures<B> pictures_;
  buffer<B, int> first_;

 public:
  typename Towers::template image_rows<T> rows;
};

}  // namespace blip::inline BLIP_ABI
