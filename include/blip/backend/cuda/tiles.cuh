// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/loops.cuh"

// Attention and contrast stream rows of one matrix past rows of another. A block holds `own_rows` rows, each of its
// warps `rows_of_a_warp` of them; the others come in tiles of 32, one for each lane. A lane computes the products of
// its row of the tile with the warp's rows, and then holds every 32nd column of what is summed.
namespace blip::inline BLIP_ABI::gpu {

inline constexpr int tile_warps = 4, rows_of_a_warp = 4, own_rows = tile_warps * rows_of_a_warp, tile_rows = lanes;

// Below every score, and no infinity: differences stay numbers.
inline constexpr float lowest_score = -3.0e38f;

// Rows of a tile are one number apart from a multiple of 32, so that the lanes read different banks.
BLIP_HD constexpr int tile_pitch(int width) { return width + 1; }
BLIP_HD constexpr int own_floats(int width) { return own_rows * width; }
BLIP_HD constexpr int tile_floats(int width) { return tile_rows * tile_pitch(width); }

// Rows first ... first + own_rows - 1 of columns [column, column + width), times a factor; zeros from `end` on.
__device__ inline void load_own(float* to, in x, int first, int end, int column, int width, float factor = 1.0f) {
  for (int i = thread(); i < own_floats(width); i += threads()) {
    const int r = first + i / width, c = i % width;
    to[i] = r < end ? x(r, column + c) * factor : 0.0f;
  }
}
__device__ inline void load_tile(float* to, in x, int first, int end, int column, int width) {
  for (int i = thread(); i < tile_rows * width; i += threads()) {
    const int r = i / width, c = i % width;
    to[r * tile_pitch(width) + c] = first + r < end ? x(first + r, column + c) : 0.0f;
  }
}

// products[i] = row i of the warp's own times the lane's row of the tile.
__device__ inline void tile_products(const float* own, const float* tile, int width, float* products) {
  const float* const mine = own + warp() * rows_of_a_warp * width;
  const float* const row = tile + lane() * tile_pitch(width);
#pragma unroll
  for (int i = 0; i < rows_of_a_warp; ++i) products[i] = 0;
  for (int c = 0; c < width; ++c) {
    const float x = row[c];
#pragma unroll
    for (int i = 0; i < rows_of_a_warp; ++i) products[i] += mine[i * width + c] * x;
  }
}

// sums[i][k] += sum_j weights_j[i] tile_j[lane + 32 k], where lane j brings weights_j[i] for the warp's row i. They
// travel through `shared`, in which every warp has a place of its own.
inline constexpr int weight_floats = tile_warps * lanes * rows_of_a_warp;
template <int K>
__device__ void add_tile(const float* weights, float* shared, const float* tile, int width,
                         float (&sums)[rows_of_a_warp][K]) {
  float* const mine = shared + warp() * lanes * rows_of_a_warp;
  pack<rows_of_a_warp> brought;
#pragma unroll
  for (int i = 0; i < rows_of_a_warp; ++i) brought.v[i] = weights[i];
  store<rows_of_a_warp>(mine + lane() * rows_of_a_warp, brought);
  __syncwarp();
  for (int j = 0; j < lanes; ++j) {
    const float* const row = tile + j * tile_pitch(width);
    const pack<rows_of_a_warp> w = load<rows_of_a_warp>(mine + j * rows_of_a_warp);
#pragma unroll
    for (int k = 0; k < K; ++k) {
      const float x = lane() + lanes * k < width ? row[lane() + lanes * k] : 0.0f;
#pragma unroll
      for (int i = 0; i < rows_of_a_warp; ++i) sums[i][k] += w.v[i] * x;
    }
  }
}

// Calls f with the number of columns that a lane holds as a constant; false: too many.
template <int Most, class F>
bool by_lane_columns(int width, F f) {
  const auto fits = [&](auto k) {
    if (width > lanes * k()) return false;
    f(k);
    return true;
  };
  return fits(std::integral_constant<int, 1>()) || fits(std::integral_constant<int, 2>()) ||
         fits(std::integral_constant<int, 4>()) || fits(std::integral_constant<int, 8>()) ||
         (Most >= 16 && fits(std::integral_constant < int, Most >= 16 ? 16 : 8 > ()));
}

}  // namespace blip::inline BLIP_ABI::gpu
