// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "blip/autograd/tape.hpp"
#include "blip/backend/pack.hpp"
#include "blip/config/vit.hpp"
#include "blip/core/initialise.hpp"
#include "blip/models/vision_language_model.hpp"

// What the workloads read: random numbers, random words. Zeros would let a GPU clock higher.
namespace goals {

// A matrix of numbers in [-1, 1) in back-end memory.
template <class B>
class numbers {
  using scalar = typename B::scalar;

 public:
  numbers(int rows, int width) : rows_(rows), width_(width) {
    std::vector<scalar> host;
    const std::size_t size = static_cast<std::size_t>(rows) * static_cast<std::size_t>(width);
    host.reserve(size);
    for (std::size_t i = 0; i < size; ++i)
      host.push_back(scalar(static_cast<double>((i * 2654435761u >> 8) % 1000) / 500 - 1));
    data_ = blip::buffer<B, scalar>(std::span<const scalar>(host));
  }
  blip::matrix_view<const scalar> view() const { return {data_.data(), rows_, width_, width_, nullptr}; }
  blip::matrix_view<scalar> view() { return {data_.data(), rows_, width_, width_, nullptr}; }
  blip::gradient_view<scalar> gradient() { return {view(), false}; }
  template <int W, class T>
  blip::var<T, W> on(T& t) const {
    return t.template input<W>(view());
  }

 private:
  blip::buffer<B, scalar> data_;
  int rows_, width_;
};

// A model with random weights for inference alone, as the back end reads them fastest.
template <class L, class B>
class served {
 public:
  template <class... A>
  explicit served(blip::device<B>& d, A&&... arguments) : model_(std::forward<A>(arguments)...) {
    auto layout = std::make_shared<blip::arena_layout>();
    layout->place("", model_);
    values_ = blip::arena<B>(std::move(layout));
    blip::initialise(values_, 1);
    if constexpr (blip::packs_weights<B>) values_ = blip::pack(d, std::move(values_));
  }
  served(const served&) = delete;
  served& operator=(const served&) = delete;

  const L* operator->() const { return &model_; }
  blip::inference_tape<B> inference(blip::device<B>& d) const { return blip::inference_tape<B>(d, values_); }

 private:
  L model_;
  blip::arena<B> values_;
};

// Square pictures of three channels.
template <class B>
class pixels {
 public:
  pixels(int count, int side) : values_(count, 3 * side * side), count_(count), side_(side) {}
  template <class T>
  blip::images<T> on(T& t) const {
    return {t.input(values_.view()), 3, side_, side_};
  }
  blip::picture_batch<B> batch() const { return {values_.view().data, count_, 3, side_, side_}; }

 private:
  numbers<B> values_;
  int count_, side_;
};

// Rows of one picture: its patches and the class row.
inline int tokens_of(const blip::vit_options& o, int patch) {
  return 1 + (o.image_height / patch) * (o.image_width / patch);
}

// Texts of the given lengths in turn, cut at the longest.
template <class S>
std::vector<std::vector<int>> texts(int count, const std::vector<int>& lengths, int longest) {
  std::vector<std::vector<int>> out;
  for (int b = 0; b < count; ++b) {
    const int n = std::min(lengths[static_cast<std::size_t>(b) % lengths.size()], longest);
    std::vector<int>& text = out.emplace_back();
    for (int i = 0; i < n; ++i)
      text.push_back(S::first_word + static_cast<int>((std::uint32_t(b) * 104729u + std::uint32_t(i) * 31u) %
                                                      static_cast<std::uint32_t>(S::words)));
  }
  return out;
}

}  // namespace goals
