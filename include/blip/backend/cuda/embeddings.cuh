// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/add_by_key.cuh"
#include "blip/backend/cuda/embeddings.hpp"
#include "blip/backend/cuda/loops.cuh"

namespace blip::inline BLIP_ABI {

namespace gpu {

struct embedded_row {
  const int* ids;
  sequence_layout layout;
  in words, positions, kind;
  out y;
  template <int V>
  __device__ void row(int r, int s, int i) const {
    const int position = layout.position0(s) + i;
    const float* const word = words.row(ids[r]);
    for (int c = lane() * V; c < y.width; c += lanes * V) {
      pack<V> sum = load<V>(word + c);
      const auto add = [&](const float* row) {
        const pack<V> b = load<V>(row + c);
        for (int k = 0; k < V; ++k) sum.v[k] += b.v[k];
      };
      if (positions.data) add(positions.row(position));
      if (kind.data) add(kind.data);
      store<V>(y.row(r) + c, sum);
    }
  }
};

// What the rows of a layout add to: their word and their position; rows of no sequence keep -1.
struct row_keys {
  const int* ids;
  sequence_layout layout;
  int padding;
  int *words, *positions;
  template <int V>
  __device__ void row(int s) const {
    static_assert(V == 1);
    for (int i = lane(); i < layout.length(s); i += lanes) {
      const int r = layout.begin(s) + i;
      words[r] = ids[r] == padding ? -1 : ids[r];
      positions[r] = layout.position0(s) + i;
    }
  }
};
struct kind_terms {
  const int* positions;
  in dy;
  __device__ void add(int r, int c, float* sums) const {
    if (positions[r] >= 0) sums[0] += dy(r, c);
  }
};
struct kind_gradient {
  grad to;
  __device__ void put(int c, const float* sums) const { to(0, c) += sums[0]; }
};

// Where a pixel of row-major pictures lies among patches.
struct patch_place {
  int image, pixel;
  __device__ patch_place(const patch_geometry& g, int row, int column) {
    const int x = column % g.patch, y = column / g.patch % g.patch, channel = column / (g.patch * g.patch);
    const int of_picture = row % g.patches();
    const int top = of_picture / g.grid_width() * g.patch, left = of_picture % g.grid_width() * g.patch;
    image = row / g.patches();
    pixel = (channel * g.height + top + y) * g.width + left + x;
  }
};
// V columns of a patch are V neighbours of one picture row when V divides the patch.
struct patch_value {
  in pixels;
  patch_geometry geometry;
  out y;
  template <int V>
  __device__ void at(int r, int c) const {
    const patch_place p(geometry, r, c);
    store<V>(y.row(r) + c, load<V>(pixels.row(p.image) + p.pixel));
  }
};
struct patch_gradient {
  in dy;
  patch_geometry geometry;
  grad dpixels;
  template <int V>
  __device__ void at(int r, int c) const {
    const patch_place p(geometry, r, c);
    put<V>(dpixels, p.image, p.pixel, load<V>(dy.row(r) + c));
  }
};
inline bool four_wide_patches(const patch_geometry& g) { return g.patch % 4 == 0 && g.width % 4 == 0; }

struct token_value {
  in x, first, positions;
  int length;
  out y;
  template <int V>
  __device__ void at(int r, int c) const {
    const int s = r / length, i = r % length, extra = first.data ? 1 : 0;
    pack<V> a = load<V>(i < extra ? first.data + c : x.row(s * (length - extra) + i - extra) + c);
    const pack<V> b = load<V>(positions.row(i) + c);
    for (int k = 0; k < V; ++k) a.v[k] += b.v[k];
    store<V>(y.row(r) + c, a);
  }
};
struct token_gradient {
  in dy;
  int length, extra;
  grad dx;
  template <int V>
  __device__ void at(int r, int c) const {
    const int s = r / (length - extra), i = r % (length - extra) + extra;
    put<V>(dx, r, c, load<V>(dy.row(s * length + i) + c));
  }
};
// Row i of every sequence, added up in the order of the sequences.
struct position_gradient {
  in dy;
  int length, sequences;
  grad dfirst, dpositions;
  template <int V>
  __device__ void at(int i, int c) const {
    pack<V> sum{};
    for (int s = 0; s < sequences; ++s) {
      const pack<V> a = load<V>(dy.row(s * length + i) + c);
      for (int k = 0; k < V; ++k) sum.v[k] += a.v[k];
    }
    if (dpositions) {
      grad to = dpositions;
      to.accumulate = true;
      put<V>(to, i, c, sum);
    }
    if (dfirst && i == 0) put<V>(dfirst, 0, c, sum);
  }
};

// Keys' cubic with a = -0.75 at half-pixel centres, border clamped: what source `s` weighs in target `t` of one axis.
__device__ inline double cubic_weight(int t, int to, int s, int from) {
  const auto cubic = [](double x) {
    const double a = -0.75;
    x = x < 0 ? -x : x;
    if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
  };
  const double centre = (t + 0.5) * from / to - 0.5;
  const int first = static_cast<int>(floor(centre)) - 1;
  double sum = 0;
  for (int i = first; i < first + 4; ++i)
    if (least(most(i, 0), from - 1) == s) sum += cubic(centre - i);
  return sum;
}
// The sources that target t reads are among first ... first + 3, clamped.
__device__ inline int first_tap(int t, int to, int from) {
  return static_cast<int>(floor((t + 0.5) * from / to - 0.5)) - 1;
}

struct resized_position {
  in table;
  position_grid from, to;
  out y;
  template <int V>
  __device__ void at(int r, int c) const {
    static_assert(V == 1);
    if (r < to.prefix) {
      y(r, c) = table(r, c);
      return;
    }
    const int ty = (r - to.prefix) / to.width, tx = (r - to.prefix) % to.width;
    const int y0 = first_tap(ty, to.height, from.height), x0 = first_tap(tx, to.width, from.width);
    double sum = 0;
    for (int i = most(y0, 0); i <= least(y0 + 3, from.height - 1); ++i) {
      const double wy = cubic_weight(ty, to.height, i, from.height);
      for (int j = most(x0, 0); j <= least(x0 + 3, from.width - 1); ++j)
        sum += wy * cubic_weight(tx, to.width, j, from.width) *
               static_cast<double>(table(from.prefix + i * from.width + j, c));
    }
    y(r, c) = static_cast<float>(sum);
  }
};
struct resized_position_gradient {
  in dy;
  position_grid from, to;
  grad dtable;
  template <int V>
  __device__ void at(int r, int c) const {
    static_assert(V == 1);
    if (r < from.prefix) {
      dtable(r, c) += dy(r, c);
      return;
    }
    const int sy = (r - from.prefix) / from.width, sx = (r - from.prefix) % from.width;
    double sum = 0;
    for (int ty = 0; ty < to.height; ++ty) {
      const double wy = cubic_weight(ty, to.height, sy, from.height);
      if (wy == 0) continue;
      for (int tx = 0; tx < to.width; ++tx)
        sum += wy * cubic_weight(tx, to.width, sx, from.width) *
               static_cast<double>(dy(to.prefix + ty * to.width + tx, c));
    }
    dtable(r, c) += static_cast<float>(sum);
  }
};

}  // namespace gpu

extern "C" {

void blip_cuda_embed(device<cuda>&, const int* ids, const sequence_layout& l, matrix_view<const float> words,
                     matrix_view<const float> positions, matrix_view<const float> kind, matrix_view<float> y) {
  gpu::sequences_by_warps(gpu::embedded_row{ids, l, words, positions, kind, y}, l,
                          gpu::four_wide(words, positions, kind, y));
}

void blip_cuda_embed_vjp(device<cuda>& d, const int* ids, const sequence_layout& l, int padding,
                         matrix_view<const float> dy, gradient_view<float> dwords, gradient_view<float> dpositions,
                         gradient_view<float> dkind) {
  const auto rows = static_cast<std::size_t>(dy.rows);
  const scratch<cuda, int> keys(d, 2 * rows);
  blip_cuda_fill(keys.data(), 0xff, 2 * rows * sizeof(int));
  int *const words = keys.data(), *const positions = keys.data() + rows;
  gpu::plain_rows_by_warps(gpu::row_keys{ids, l, padding, words, positions}, l.sequences);
  if (dwords) gpu::add_by_key(words, dy, dwords);
  if (dpositions) gpu::add_by_key(positions, dy, dpositions);
  if (dkind)
    gpu::sum_columns<1>(d, gpu::kind_terms{positions, dy}, gpu::kind_gradient{dkind}, dy.rows, dy.live, dy.width);
}

void blip_cuda_patchify(device<cuda>&, matrix_view<const float> pixels, patch_geometry g, matrix_view<float> y) {
  gpu::each(gpu::patch_value{pixels, g, y}, y.rows, nullptr, y.width,
            gpu::four_wide(pixels, y) && gpu::four_wide_patches(g));
}
void blip_cuda_patchify_vjp(device<cuda>&, matrix_view<const float> dy, patch_geometry g,
                            gradient_view<float> dpixels) {
  if (dpixels)
    gpu::each(gpu::patch_gradient{dy, g, dpixels}, dy.rows, nullptr, dy.width,
              gpu::four_wide(dy, dpixels) && gpu::four_wide_patches(g));
}

void blip_cuda_tokens(device<cuda>&, matrix_view<const float> x, matrix_view<const float> first,
                      matrix_view<const float> positions, int sequences, matrix_view<float> y) {
  gpu::each(gpu::token_value{x, first, positions, y.rows / sequences, y}, y.rows, nullptr, y.width,
            gpu::four_wide(x, first, positions, y));
}
void blip_cuda_tokens_vjp(device<cuda>&, matrix_view<const float> dy, int sequences, gradient_view<float> dx,
                          gradient_view<float> dfirst, gradient_view<float> dpositions, bool has_first) {
  const int length = dy.rows / sequences;
  if (dx)
    gpu::each(gpu::token_gradient{dy, length, has_first ? 1 : 0, dx}, dx.rows, nullptr, dy.width,
              gpu::four_wide(dy, dx));
  if (dfirst || dpositions)
    gpu::each(gpu::position_gradient{dy, length, sequences, has_first ? dfirst : gradient_view<float>{}, dpositions},
              length, nullptr, dy.width, gpu::four_wide(dy, dfirst, dpositions));
}

void blip_cuda_resize_positions(device<cuda>&, matrix_view<const float> table, position_grid from, position_grid to,
                                matrix_view<float> y) {
  gpu::each_number(gpu::resized_position{table, from, to, y}, to.rows(), y.width);
}
void blip_cuda_resize_positions_vjp(device<cuda>&, matrix_view<const float> dy, position_grid from, position_grid to,
                                    gradient_view<float> dtable) {
  if (dtable) gpu::each_number(gpu::resized_position_gradient{dy, from, to, dtable}, from.rows(), dy.width);
}

}  // extern "C"

}  // namespace blip::inline BLIP_ABI
