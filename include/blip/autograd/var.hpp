// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <utility>
#include <vector>

#include "blip/autograd/tensor.hpp"
#include "blip/core/error.hpp"

namespace blip::inline BLIP_ABI {

// Each fails with a sentence: unless two tapes, or two widths, are the same.
template <class X, class Y>
consteval bool same_tape() {
  static_assert(std::same_as<X, Y>,
                "blip::var: a matrix of another tape; tape::input<W>(x.view()) brings its values over");
  return std::same_as<X, Y>;
}
template <int Got, int Expected>
consteval bool same_width() {
  static_assert(Got == Expected, "blip::var: the matrix has another width than the one it must fit");
  return Got == Expected;
}

// A differentiable matrix [rows, W] on a tape of type T; the width is part of the type. Copies share the value.
template <class T, int W>
class var {
  static_assert(requires { T::records; }, "blip::var: the first argument must be a tape");
  static_assert(W > 0, "blip::var: the width must be positive");

 public:
  using tape_type = T;
  using backend_type = typename T::backend_type;
  static constexpr int width = W;

  var() = default;
  explicit var(tensor<backend_type> ref) : ref_(std::move(ref)) {
    require_equal("var", "width of the matrix", ref_->value.width, W);
  }
  // No such conversion: this only says what is wrong.
  template <class U, int K>
  var(const var<U, K>&) {  // NOLINT(google-explicit-constructor)
    static_assert(same_tape<U, T>());
    static_assert(same_width<K, W>());
  }

  int rows() const { return ref_->value.rows; }  // capacity, gaps included
  const tensor<backend_type>& ref() const { return ref_; }
  matrix_view<const typename backend_type::scalar> view() const { return ref_->value; }
  explicit operator bool() const { return static_cast<bool>(ref_); }

 private:
  tensor<backend_type> ref_;
};

// A differentiable matrix whose width is known at run time only: logits over a vocabulary, similarities of a batch.
template <class T>
class scores {
 public:
  using backend_type = typename T::backend_type;

  scores() = default;
  explicit scores(tensor<backend_type> ref) : ref_(std::move(ref)) {}

  int rows() const { return ref_->value.rows; }
  int width() const { return ref_->value.width; }
  const tensor<backend_type>& ref() const { return ref_; }
  matrix_view<const typename backend_type::scalar> view() const { return ref_->value; }
  explicit operator bool() const { return static_cast<bool>(ref_); }

 private:
  tensor<backend_type> ref_;
};

// Pixels [batch, channels * height * width], normalised, channel after channel (a batch row is one image). `streams` says
// where each draws its random numbers (see sequence_layout); null: 0, 1, ...
template <class T>
class images {
 public:
  using backend_type = typename T::backend_type;

  images(tensor<backend_type> ref, int channels, int height, int width, const int* streams = nullptr)
      : ref_(std::move(ref)), channels_(channels), height_(height), width_(width), streams_(streams) {
    require_equal("images", "values of one image", ref_->value.width, static_cast<long long>(channels) * height * width);
  }

  int batch() const { return ref_->value.rows; }
  int channels() const { return channels_; }
  int height() const { return height_; }
  int width() const { return width_; }
  const int* streams() const { return streams_; }
  const tensor<backend_type>& ref() const { return ref_; }

 private:
  tensor<backend_type> ref_;
  int channels_, height_, width_;
  const int* streams_;
};

// Copies a matrix to the host, row after row. Waits for the device; not for use within a step.
template <backend B>
std::vector<typename B::scalar> to_host(const matrix_view<const typename B::scalar>& m) {
  using S = typename B::scalar;
  std::vector<S> host(static_cast<std::size_t>(m.rows) * static_cast<std::size_t>(m.width));
  for (int r = 0; r < m.rows; ++r)
    memory<B>::copy_out(host.data() + static_cast<std::size_t>(r) * static_cast<std::size_t>(m.width), m.row(r),
                        static_cast<std::size_t>(m.width) * sizeof(S));
  return host;
}

template <class V>
std::vector<typename V::backend_type::scalar> to_host(const V& x) {
  return to_host<typename V::backend_type>(x.view());
}

}  // namespace blip::inline BLIP_ABI
