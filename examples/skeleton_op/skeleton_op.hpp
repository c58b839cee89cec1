// SPDX-License-Identifier: Apache-2.0
#pragma once

// An op to copy: replace `skeleton_op` by your name everywhere, in file names too, and add `blip_add_skeleton(your_name)`
// to examples/CMakeLists.txt. An op is a value and a pullback; each back end has kernels for both. This one is SiLU.
#include <cmath>

#include "blip/autograd/tape.hpp"
#include "blip/backend/cpu.hpp"
#include "blip/backend/reference.hpp"

namespace blip_examples {

namespace vec = blip::simd::vec;  // Eigen's vector functions

// The kernels: static functions on views and plain numbers; they visit live rows only and know nothing of tapes.
template <class B>
struct skeleton_op_kernels;

// Any scalar, straight from the formula: the oracle.
template <class S>
struct skeleton_op_kernels<blip::reference<S>> {
  using device = blip::device<blip::reference<S>>;

  static void value(device&, blip::matrix_view<const S> x, blip::matrix_view<S> y) {
    for (int r = 0; r < x.live_rows(); ++r)
      for (int c = 0; c < x.width; ++c) y(r, c) = x(r, c) * sigmoid(x(r, c));
  }
  // `put` overwrites or adds, as the gradient's other writers need it.
  static void pullback(device&, blip::matrix_view<const S> x, blip::matrix_view<const S> dy, blip::gradient_view<S> dx) {
    for (int r = 0; r < x.live_rows(); ++r)
      for (int c = 0; c < x.width; ++c) {
        const S s = sigmoid(x(r, c));
        dx.put(r, c, dy(r, c) * s * (S(1) + x(r, c) * (S(1) - s)));
      }
  }

 private:
  static S sigmoid(const S& x) {
    using std::exp;
    return S(1) / (S(1) + exp(-x));
  }
};

// The processor: rows are shared out among threads, columns are vectors.
template <>
struct skeleton_op_kernels<blip::cpu> {
  using device = blip::device<blip::cpu>;
  using packet = blip::simd::packet;

  static void value(device& d, blip::matrix_view<const float> x, blip::matrix_view<float> y) {
    blip::cpu_tiles::each_row(d, x.live_rows(), x.width, [&](int r) {
      blip::simd::map(x.width, y.row(r), [](const packet& v) { return vec::pmul(v, sigmoid(v)); }, x.row(r));
    });
  }
  static void pullback(device& d, blip::matrix_view<const float> x, blip::matrix_view<const float> dy, blip::gradient_view<float> dx) {
    blip::cpu_tiles::each_row(d, x.live_rows(), x.width, [&](int r) {
      blip::cpu_row::put(dx, r, [](const packet& v, const packet& g) {
        const packet s = sigmoid(v), one = blip::simd::constant(1);
        return vec::pmul(vec::pmul(g, s), vec::pmadd(v, vec::psub(one, s), one));
      }, x.row(r), dy.row(r));
    });
  }

 private:
  static packet sigmoid(const packet& v) {
    const packet one = blip::simd::constant(1);
    return vec::pdiv(one, vec::padd(one, blip::simd::exp(vec::pnegate(v))));
  }
};

// y = x sigmoid(x).  x, y [n, W]. The gradient adds. Keeps x. Source: Ramachandran et al., "Swish", 2017.
template <class T, int W, class B = typename T::backend_type>
blip::var<T, W> skeleton_op(T& t, const blip::var<T, W>& x) {
  blip::tensor<B> y = t.make(x.rows(), W, x.ref()->value.live, x.ref()->needs_gradient);
  skeleton_op_kernels<B>::value(t.device(), x.view(), y->value);
  if constexpr (T::records)
    t.record(y, [x, gx = blip::sink_of<B>(x.ref())](T& on, blip::matrix_view<const typename B::scalar> dy) {
      skeleton_op_kernels<B>::pullback(on.device(), x.view(), dy, on.gradient(gx));
    });
  return blip::var<T, W>(std::move(y));
}

}  // namespace blip_examples
