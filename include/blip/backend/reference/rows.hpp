// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "blip/backend/reference/scalar.hpp"
#include "blip/core/device.hpp"

namespace blip::inline BLIP_ABI {

// Row-wise kernels of the reference back end; contracts in blip/backend/kernels.hpp.
template <class S>
struct reference_rows {
  using B = reference<S>;
  using in = matrix_view<const S>;
  using out = matrix_view<S>;
  using grad = gradient_view<S>;

  static void layer_norm(device<B>&, in x, in gamma, in beta, double eps, out y, out stats) {
    using std::sqrt;
    for (int r = 0; r < x.live_rows(); ++r) {
      S mean(0), variance(0);
      for (int c = 0; c < x.width; ++c) mean += x(r, c) / S(x.width);
      for (int c = 0; c < x.width; ++c) variance += (x(r, c) - mean) * (x(r, c) - mean) / S(x.width);
      const S inverse = S(1) / sqrt(variance + S(eps));
      for (int c = 0; c < x.width; ++c) y(r, c) = gamma(0, c) * (x(r, c) - mean) * inverse + beta(0, c);
      if (stats.data) stats(r, 0) = mean, stats(r, 1) = inverse;
    }
  }

  static void layer_norm_vjp(device<B>&, in x, in gamma, in stats, in dy, grad dx, grad dgamma, grad dbeta) {
    const int rows = dy.live_rows();
    const auto hat = [&](int r, int c) { return (x(r, c) - stats(r, 0)) * stats(r, 1); };
    if (dx)
      for (int r = 0; r < rows; ++r) {
        S mean(0), mean_hat(0);
        for (int c = 0; c < x.width; ++c) {
          mean += dy(r, c) * gamma(0, c) / S(x.width);
          mean_hat += dy(r, c) * gamma(0, c) * hat(r, c) / S(x.width);
        }
        for (int c = 0; c < x.width; ++c)
          dx.put(r, c, (dy(r, c) * gamma(0, c) - mean - hat(r, c) * mean_hat) * stats(r, 1));
      }
    for (int c = 0; c < x.width; ++c) {
      S sum(0), sum_hat(0);
      for (int r = 0; r < rows; ++r) sum += dy(r, c), sum_hat += dy(r, c) * hat(r, c);
      if (dgamma) dgamma.put(0, c, sum_hat);
      if (dbeta) dbeta.put(0, c, sum);
    }
  }

  static void residual(device<B>&, in x, in branch, const sequence_layout& l, const dropout_spec& d, out y) {
    each_row(branch, l, d, [&](int r, int c, float factor) {
      const S kept = branch(r, c) * S(factor);
      y(r, c) = x.data ? x(r, c) + kept : kept;
    });
  }
  static void residual_vjp(device<B>&, in dy, const sequence_layout& l, const dropout_spec& d, grad dx, grad dbranch) {
    each_row(dy, l, d, [&](int r, int c, float factor) {
      if (dx) dx.put(r, c, dy(r, c));
      if (dbranch) dbranch.put(r, c, dy(r, c) * S(factor));
    });
  }

  static void activate(device<B>&, in x, activation act, out y) {
    each(x, [&](int r, int c) { y(r, c) = detail::activate(act, x(r, c)); });
  }
  static void scale(device<B>&, in x, double factor, out y) {
    each(x, [&](int r, int c) { y(r, c) = x(r, c) * S(factor); });
  }
  static void scale_vjp(device<B>&, in dy, double factor, grad dx) {
    each(dy, [&](int r, int c) { dx.put(r, c, dy(r, c) * S(factor)); });
  }

  static void gather_rows(device<B>&, in x, const int* index, out y) {
    each(y, [&](int r, int c) { y(r, c) = index[r] < 0 ? S(0) : x(index[r], c); });
  }
  static void gather_rows_vjp(device<B>&, const int* index, in dy, grad dx) {
    each(dy, [&](int r, int c) {
      if (index[r] >= 0) dx(index[r], c) += dy(r, c);
    });
  }

  static void scatter_rows(device<B>&, in x, const int* index, out y) {
    each(x, [&](int r, int c) {
      if (index[r] >= 0) y(index[r], c) = x(r, c);
    });
  }
  static void scatter_rows_vjp(device<B>&, const int* index, in dy, grad dx) {
    each(dx, [&](int r, int c) { dx.put(r, c, index[r] >= 0 ? dy(index[r], c) : S(0)); });
  }

  static void copy_columns(device<B>&, in x, out y) {
    each(x, [&](int r, int c) { y(r, c) = x(r, c); });
  }
  static void copy_columns_vjp(device<B>&, in dy, grad dx) {
    each(dy, [&](int r, int c) { dx.put(r, c, dy(r, c)); });
  }

  static void l2_normalize(device<B>&, in x, out y, out norms) {
    using std::sqrt;
    for (int r = 0; r < x.live_rows(); ++r) {
      S sum(0);
      for (int c = 0; c < x.width; ++c) sum += x(r, c) * x(r, c);
      S norm = sqrt(sum);
      if (detail::real_part(norm) < 1e-12) norm = S(1e-12);
      for (int c = 0; c < x.width; ++c) y(r, c) = x(r, c) / norm;
      if (norms.data) norms(r, 0) = norm;
    }
  }
  static void l2_normalize_vjp(device<B>&, in y, in norms, in dy, grad dx) {
    for (int r = 0; r < dy.live_rows(); ++r) {
      S dot(0);
      if (detail::real_part(norms(r, 0)) > 1e-12)
        for (int c = 0; c < y.width; ++c) dot += dy(r, c) * y(r, c);
      for (int c = 0; c < y.width; ++c) dx.put(r, c, (dy(r, c) - y(r, c) * dot) / norms(r, 0));
    }
  }

 private:
  template <class V, class F>
  static void each(const V& m, F f) {
    for (int r = 0; r < m.live_rows(); ++r)
      for (int c = 0; c < m.width; ++c) f(r, c);
  }
  // Without dropout every live row; with dropout sequence by sequence, because the addresses ask for it.
  template <class V, class F>
  static void each_row(const V& m, const sequence_layout& l, const dropout_spec& d, F f) {
    if (!d.active()) return each(m, [&](int r, int c) { f(r, c, 1.0f); });
    for (int s = 0; s < l.sequences; ++s)
      for (int i = 0; i < l.length(s); ++i)
        for (int c = 0; c < m.width; ++c)
          f(l.begin(s) + i, c, dropout_factor(d, l.stream(s), static_cast<std::uint32_t>(l.position0(s) + i),
                                              static_cast<std::uint32_t>(c)));
  }
};

}  // namespace blip::inline BLIP_ABI
