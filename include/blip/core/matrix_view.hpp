// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <type_traits>

#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI {

// A borrowed matrix [rows, width] in back-end memory; row r begins at data + r * stride. `rows` is a capacity known to
// the host. When `live` is given, only the first *live rows hold anything: kernels visit no others (design: packed
// rows), and the host never reads it.
template <class S>
struct matrix_view {
  S* data = nullptr;
  int rows = 0;
  int width = 0;
  int stride = 0;
  const int* live = nullptr;

  BLIP_HD S* row(int r) const { return data + static_cast<std::ptrdiff_t>(r) * stride; }
  BLIP_HD S& operator()(int r, int c) const { return row(r)[c]; }
  BLIP_HD int live_rows() const { return live && *live < rows ? *live : rows; }
  BLIP_HD matrix_view columns(int first, int count) const { return {data + first, rows, count, stride, live}; }
  BLIP_HD operator matrix_view<const S>() const  // NOLINT(google-explicit-constructor)
    requires(!std::is_const_v<S>)
  {
    return {data, rows, width, stride, live};
  }
};

// A matrix that a pullback adds to. The first writer finds garbage and overwrites (`accumulate` false); later ones add.
// Whoever leaves gaps or scatters asks the tape for a zeroed one, which always accumulates.
template <class S>
struct gradient_view : matrix_view<S> {
  bool accumulate = true;

  BLIP_HD explicit operator bool() const { return this->data != nullptr; }
  BLIP_HD void put(int r, int c, S v) const {
    S& at = (*this)(r, c);
    at = accumulate ? at + v : v;
  }
  BLIP_HD gradient_view columns(int first, int count) const {
    return {matrix_view<S>::columns(first, count), accumulate};
  }
};

// The weight of a product as a back end reads it: plain [out, in], or packed by the back end's engine.
template <class S>
struct weight_view : matrix_view<const S> {
  const void* packed = nullptr;
};

}  // namespace blip::inline BLIP_ABI
