// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/reference/scalar.hpp"
#include "blip/core/device.hpp"

namespace blip::inline BLIP_ABI {

// Matrix products of the reference back end; blip/backend/kernels.hpp states each contract.
template <class S>
struct reference_products {
  using B = reference<S>;
  using in = matrix_view<const S>;
  using out = matrix_view<S>;
  using grad = gradient_view<S>;

  static void affine(device<B>&, in x, weight_view<S> w, in b, activation act, out y, out pre) {
    for (int r = 0; r < x.live_rows(); ++r)
      for (int o = 0; o < w.rows; ++o) {
        S sum = b.data ? b(0, o) : S(0);
        for (int i = 0; i < w.width; ++i) sum += x(r, i) * w(o, i);
        if (pre.data) pre(r, o) = sum;
        y(r, o) = detail::activate(act, sum);
      }
  }

  static void affine_vjp(device<B>&, in x, weight_view<S> w, activation act, in pre, in dy, grad dx, grad dw, grad db) {
    const int rows = dy.live_rows();
    const auto slope = [&](int r, int o) {
      return act == activation::none ? dy(r, o) : dy(r, o) * detail::activation_slope(act, pre(r, o));
    };
    if (dx)
      for (int r = 0; r < rows; ++r)
        for (int i = 0; i < w.width; ++i) {
          S sum(0);
          for (int o = 0; o < w.rows; ++o) sum += slope(r, o) * w(o, i);
          dx.put(r, i, sum);
        }
    for (int o = 0; o < w.rows; ++o) {
      if (dw)
        for (int i = 0; i < w.width; ++i) {
          S sum(0);
          for (int r = 0; r < rows; ++r) sum += slope(r, o) * x(r, i);
          dw.put(o, i, sum);
        }
      if (db) {
        S sum(0);
        for (int r = 0; r < rows; ++r) sum += slope(r, o);
        db.put(0, o, sum);
      }
    }
  }

  static void similarity(device<B>&, in x, in y, in temperature, out s) {
    for (int r = 0; r < x.live_rows(); ++r)
      for (int c = 0; c < y.live_rows(); ++c) {
        S sum(0);
        for (int i = 0; i < x.width; ++i) sum += x(r, i) * y(c, i);
        s(r, c) = temperature.data ? sum / temperature(0, 0) : sum;
      }
  }

  static void similarity_vjp(device<B>&, in x, in y, in temperature, in s, in ds, grad dx, grad dy, grad dtemperature) {
    const int n = x.live_rows(), m = y.live_rows();
    const S inverse = temperature.data ? S(1) / temperature(0, 0) : S(1);
    if (dx)
      for (int r = 0; r < n; ++r)
        for (int i = 0; i < x.width; ++i) {
          S sum(0);
          for (int c = 0; c < m; ++c) sum += ds(r, c) * y(c, i);
          dx.put(r, i, sum * inverse);
        }
    if (dy)
      for (int c = 0; c < m; ++c)
        for (int i = 0; i < x.width; ++i) {
          S sum(0);
          for (int r = 0; r < n; ++r) sum += ds(r, c) * x(r, i);
          dy.put(c, i, sum * inverse);
        }
    if (dtemperature) {
      S sum(0);
      for (int r = 0; r < n; ++r)
        for (int c = 0; c < m; ++c) sum += ds(r, c) * s(r, c);
      dtemperature.put(0, 0, -sum * inverse);
    }
  }
};

}  // namespace blip::inline BLIP_ABI
