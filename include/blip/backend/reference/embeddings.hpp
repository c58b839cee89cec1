// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "blip/backend/reference/scalar.hpp"
#include "blip/core/device.hpp"

namespace blip::inline BLIP_ABI {

// Lookups, patches and position tables of the reference back end; contracts in blip/backend/kernels.hpp.
template <class S>
struct reference_embeddings {
  using B = reference<S>;
  using in = matrix_view<const S>;
  using out = matrix_view<S>;
  using grad = gradient_view<S>;

  static void embed(device<B>&, const int* ids, const sequence_layout& l, in words, in positions, in kind, out y) {
    each_row(l, [&](int r, int position) {
      for (int c = 0; c < y.width; ++c) {
        S sum = words(ids[r], c);
        if (positions.data) sum += positions(position, c);
        if (kind.data) sum += kind(0, c);
        y(r, c) = sum;
      }
    });
  }

  // dwords, dpositions and dkind come zeroed.
  static void embed_vjp(device<B>&, const int* ids, const sequence_layout& l, int padding, in dy, grad dwords,
                        grad dpositions, grad dkind) {
    each_row(l, [&](int r, int position) {
      for (int c = 0; c < dy.width; ++c) {
        if (dwords && ids[r] != padding) dwords(ids[r], c) += dy(r, c);
        if (dpositions) dpositions(position, c) += dy(r, c);
        if (dkind) dkind(0, c) += dy(r, c);
      }
    });
  }

  static void patchify(device<B>&, in pixels, patch_geometry g, out y) {
    each_pixel(pixels.rows, g, [&](int image, int pixel, int row, int col) { y(row, col) = pixels(image, pixel); });
  }
  static void patchify_vjp(device<B>&, in dy, patch_geometry g, grad dpixels) {
    each_pixel(dpixels.rows, g, [&](int image, int pixel, int row, int col) { dpixels.put(image, pixel, dy(row, col)); });
  }

  static void tokens(device<B>&, in x, in first, in positions, int sequences, out y) {
    const int extra = first.data ? 1 : 0, n = y.rows / sequences;
    for (int s = 0; s < sequences; ++s)
      for (int i = 0; i < n; ++i)
        for (int c = 0; c < y.width; ++c)
          y(s * n + i, c) = (i < extra ? first(0, c) : x(s * (n - extra) + i - extra, c)) + positions(i, c);
  }
  static void tokens_vjp(device<B>&, in dy, int sequences, grad dx, grad dfirst, grad dpositions, bool has_first) {
    const int extra = has_first ? 1 : 0, n = dy.rows / sequences;
    for (int i = 0; i < n; ++i)
      for (int c = 0; c < dy.width; ++c) {
        S sum(0);
        for (int s = 0; s < sequences; ++s) {
          sum += dy(s * n + i, c);
          if (dx && i >= extra) dx.put(s * (n - extra) + i - extra, c, dy(s * n + i, c));
        }
        if (dpositions) dpositions(i, c) += sum;
        if (dfirst && i < extra) dfirst.put(0, c, sum);
      }
  }

  static void resize_positions(device<B>&, in table, position_grid from, position_grid to, out y) {
    for (int r = 0; r < to.rows(); ++r)
      for (int c = 0; c < y.width; ++c) y(r, c) = S(0);
    each_tap(from, to, [&](int r, int source, double weight) {
      for (int c = 0; c < y.width; ++c) y(r, c) += S(weight) * table(source, c);
    });
  }
  // dtable comes zeroed.
  static void resize_positions_vjp(device<B>&, in dy, position_grid from, position_grid to, grad dtable) {
    each_tap(from, to, [&](int r, int source, double weight) {
      for (int c = 0; c < dy.width; ++c) dtable(source, c) += S(weight) * dy(r, c);
    });
  }

 private:
  template <class F>
  static void each_row(const sequence_layout& l, F f) {
    for (int s = 0; s < l.sequences; ++s)
      for (int i = 0; i < l.length(s); ++i) f(l.begin(s) + i, l.position0(s) + i);
  }

  template <class F>
  static void each_pixel(int images, patch_geometry g, F f) {
    for (int b = 0; b < images; ++b)
      for (int c = 0; c < g.channels; ++c)
        for (int y = 0; y < g.grid_height() * g.patch; ++y)
          for (int x = 0; x < g.grid_width() * g.patch; ++x)
            f(b, (c * g.height + y) * g.width + x,
              b * g.patches() + y / g.patch * g.grid_width() + x / g.patch,
              (c * g.patch + y % g.patch) * g.patch + x % g.patch);
  }

  // Keys' cubic with a = -0.75 at half-pixel centres: four taps per axis, border clamped, weights not renormalised.
  static double cubic(double x) {
    const double a = -0.75;
    x = std::abs(x);
    if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
  }
  template <class F>
  static void each_tap(position_grid from, position_grid to, F f) {
    for (int r = 0; r < to.prefix; ++r) f(r, r, 1.0);
    for (int y = 0; y < to.height; ++y)
      for (int x = 0; x < to.width; ++x) {
        const double sy = (y + 0.5) * from.height / to.height - 0.5, sx = (x + 0.5) * from.width / to.width - 0.5;
        const int y0 = static_cast<int>(std::floor(sy)), x0 = static_cast<int>(std::floor(sx));
        for (int i = y0 - 1; i <= y0 + 2; ++i)
          for (int j = x0 - 1; j <= x0 + 2; ++j)
            f(to.prefix + y * to.width + x,
              from.prefix + std::clamp(i, 0, from.height - 1) * from.width + std::clamp(j, 0, from.width - 1),
              cubic(sy - i) * cubic(sx - j));
      }
  }
};

}  // namespace blip::inline BLIP_ABI
