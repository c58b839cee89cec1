// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "blip/backend/cpu/embeddings.hpp"
#include "blip/backend/cpu/rows-inl.hpp"

namespace blip::inline BLIP_ABI {

namespace cpu_embedding {

using namespace cpu_row;

// f(row, position) for every row of every sequence.
template <class F>
void each_position(const sequence_layout& l, F f) {
  for (int s = 0; s < l.sequences; ++s)
    for (int i = 0; i < l.length(s); ++i) f(l.begin(s) + i, l.position0(s) + i);
}

// f(image, pixel, row, column) for stretches of g.patch pixels that lie side by side in the picture and in its patch.
template <class F>
void each_stretch(const device<cpu>& d, int images, const patch_geometry& g, F f) {
  cpu_tiles::each_row(d, images * g.patches(), g.patch_values(), [&](int row) {
    const int image = row / g.patches(), at = row % g.patches();
    const int y0 = at / g.grid_width() * g.patch, x0 = at % g.grid_width() * g.patch;
    for (int c = 0; c < g.channels; ++c)
      for (int y = 0; y < g.patch; ++y)
        f(image, (c * g.height + y0 + y) * g.width + x0, row, (c * g.patch + y) * g.patch);
  });
}

// The four taps of one axis: Keys' cubic with a = -0.75 at half-pixel centres, border clamped.
struct taps {
  int at[4];
  float weight[4];

  taps(int i, int from, int to) {
    const double centre = (i + 0.5) * from / to - 0.5;
    const int first = static_cast<int>(std::floor(centre)) - 1;
    for (int j = 0; j < 4; ++j) {
      at[j] = std::clamp(first + j, 0, from - 1);
      weight[j] = static_cast<float>(cubic(std::abs(centre - (first + j))));
    }
  }
  static double cubic(double x) {
    const double a = -0.75;
    if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
  }
};

// f(row of the resized table, row of the table, weight) for all of them.
template <class F>
void each_tap(int row, const position_grid& from, const position_grid& to, F f) {
  if (row < to.prefix) return f(row, 1.0f);
  const taps y((row - to.prefix) / to.width, from.height, to.height),
      x((row - to.prefix) % to.width, from.width, to.width);
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) f(from.prefix + y.at[i] * from.width + x.at[j], y.weight[i] * x.weight[j]);
}

// to[first, first + count) += weight * from[...]
inline void add(int first, int count, float weight, const float* from, float* to) {
  for (int c = first; c < first + count; ++c) to[c] += weight * from[c];
}

}  // namespace cpu_embedding

BLIP_INLINE void cpu_embeddings::embed(device<cpu>& d, const int* ids, const sequence_layout& l, in words, in positions,
                                       in kind, out y) {
  using namespace cpu_embedding;
  const auto sum = [](const packet& a, const packet& b) { return vec::padd(a, b); };
  cpu_tiles::each_row(d, l.sequences, l.longest * y.width, [&](int s) {
    for (int i = 0; i < l.length(s); ++i) {
      const int r = l.begin(s) + i;
      float* const to = y.row(r);
      std::copy_n(words.row(ids[r]), y.width, to);
      if (positions.data) simd::map(y.width, to, sum, to, positions.row(l.position0(s) + i));
      if (kind.data) simd::map(y.width, to, sum, to, kind.data);
    }
  });
}

// Several rows reach one word: a tile owns columns.
BLIP_INLINE void cpu_embeddings::embed_vjp(device<cpu>& d, const int* ids, const sequence_layout& l, int padding, in dy,
                                           grad dwords, grad dpositions, grad dkind) {
  using namespace cpu_embedding;
  cpu_tiles::each_column_range(d, dy.width, [&](int first, int count) {
    each_position(l, [&](int r, int position) {
      if (dwords && ids[r] != padding) add(first, count, 1, dy.row(r), dwords.row(ids[r]));
      if (dpositions) add(first, count, 1, dy.row(r), dpositions.row(position));
      if (dkind) add(first, count, 1, dy.row(r), dkind.row(0));
    });
  });
}

BLIP_INLINE void cpu_embeddings::patchify(device<cpu>& d, in pixels, patch_geometry g, out y) {
  cpu_embedding::each_stretch(d, pixels.rows, g, [&](int image, int pixel, int row, int column) {
    std::copy_n(pixels.row(image) + pixel, g.patch, y.row(row) + column);
  });
}
// Pixels beyond the last whole patch come to no patch: their gradient is zero.
BLIP_INLINE void cpu_embeddings::patchify_vjp(device<cpu>& d, in dy, patch_geometry g, grad dpixels) {
  if (!dpixels.accumulate && (g.height % g.patch || g.width % g.patch))
    cpu_tiles::each_row(d, dpixels.rows, dpixels.width,
                        [&](int r) { std::fill_n(dpixels.row(r), dpixels.width, 0.0f); });
  cpu_embedding::each_stretch(d, dpixels.rows, g, [&](int image, int pixel, int row, int column) {
    for (int x = 0; x < g.patch; ++x) dpixels.put(image, pixel + x, dy(row, column + x));
  });
}

BLIP_INLINE void cpu_embeddings::tokens(device<cpu>& d, in x, in first, in positions, int sequences, out y) {
  const int extra = first.data ? 1 : 0, n = y.rows / sequences;
  cpu_tiles::each_row(d, y.rows, y.width, [&](int r) {
    const int s = r / n, i = r % n;
    const float* const from = i < extra ? first.data : x.row(s * (n - extra) + i - extra);
    simd::map(
        y.width, y.row(r), [](const auto& a, const auto& b) { return simd::vec::padd(a, b); }, from, positions.row(i));
  });
}
BLIP_INLINE void cpu_embeddings::tokens_vjp(device<cpu>& d, in dy, int sequences, grad dx, grad dfirst, grad dpositions,
                                            bool has_first) {
  const int extra = has_first ? 1 : 0, n = dy.rows / sequences;
  if (dx)
    cpu_tiles::each_row(d, dx.rows, dy.width, [&](int r) {
      const int s = r / (n - extra), i = r % (n - extra);
      cpu_row::put(dx, r, cpu_row::same, dy.row(s * n + i + extra));
    });
  if (!dfirst && !dpositions) return;
  cpu_tiles::each_row(d, n, dy.width * sequences, [&](int i) {
    if (!dpositions && i >= extra) return;
    for (int c = 0; c < dy.width; ++c) {
      float sum = 0;
      for (int s = 0; s < sequences; ++s) sum += dy(s * n + i, c);
      if (dpositions) dpositions(i, c) += sum;
      if (dfirst && i < extra) dfirst.put(0, c, sum);
    }
  });
}

BLIP_INLINE void cpu_embeddings::resize_positions(device<cpu>& d, in table, position_grid from, position_grid to,
                                                  out y) {
  using namespace cpu_embedding;
  cpu_tiles::each_row(d, to.rows(), 16 * y.width, [&](int r) {
    std::fill_n(y.row(r), y.width, 0.0f);
    each_tap(r, from, to, [&](int source, float weight) { add(0, y.width, weight, table.row(source), y.row(r)); });
  });
}
BLIP_INLINE void cpu_embeddings::resize_positions_vjp(device<cpu>& d, in dy, position_grid from, position_grid to,
                                                      grad dtable) {
  using namespace cpu_embedding;
  cpu_tiles::each_column_range(d, dy.width, [&](int first, int count) {
    for (int r = 0; r < to.rows(); ++r)
      each_tap(r, from, to,
               [&](int source, float weight) { add(first, count, weight, dy.row(r), dtable.row(source)); });
  });
}

}  // namespace blip::inline BLIP_ABI
