// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/mma.cuh"

// Products of sixteen rows, which a warp holds, with tiles of rows in shared memory, all rounded to bf16 and D columns
// wide. Rows of a tile are an odd number of 16 bytes apart, so that the eight rows that ldmatrix reads at once lie in
// different banks.
namespace blip::inline BLIP_ABI::gpu {

inline constexpr int warp_rows = 16, mma_tile_rows = 64;

// `rows` up to a multiple of a warp's.
BLIP_HD constexpr int whole_warps(int rows) { return (rows + warp_rows - 1) / warp_rows * warp_rows; }

template <int D>
inline constexpr int mma_pitch = D + 8;
template <int D>
inline constexpr int mma_tile_size = mma_tile_rows * mma_pitch<D>;

// A lane's place in fragments: which row of eight, and which pair of columns.
__device__ inline int lane_group() { return lane() / 4; }
__device__ inline int lane_pair() { return lane() % 4 * 2; }

// Sixteen rows as the left factor of products: a[k] are columns 16 k ... 16 k + 15.
template <int D>
struct row_fragments {
  unsigned a[D / 16][4];
};

// Rows first ... first + 15 of columns [column, column + D); zeros from `end` on.
template <int D>
__device__ void load_rows(row_fragments<D>& to, in x, int first, int end, int column) {
#pragma unroll
  for (int k = 0; k < D / 16; ++k)
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int r = first + lane_group() + i % 2 * 8, c = column + 16 * k + i / 2 * 8 + lane_pair();
      const pack<2> two = r < end ? load<2>(x.row(r) + c) : pack<2>{};
      to.a[k][i] = bf16_pair(two.v[0], two.v[1]);
    }
}

struct alignas(16) eight_bf16 {
  unsigned v[4];
};
__device__ inline eight_bf16 round_eight(const pack<4>& low, const pack<4>& high) {
  return {bf16_pair(low.v[0], low.v[1]), bf16_pair(low.v[2], low.v[3]), bf16_pair(high.v[0], high.v[1]),
          bf16_pair(high.v[2], high.v[3])};
}

// The same rows of two matrices into two tiles: first ... first + rows - 1 of columns [column, column + D), zeros from
// `end` on, by all threads of the block. Both are read before either is written, so that more is on its way at a time.
template <int D>
__device__ void load_tiles(bf16* to, in x, bf16* other_to, in other, int first, int end, int column, int rows) {
  constexpr int packs = D / 8;
  for (int i = thread(); i < rows * packs; i += threads()) {
    const int r = i / packs, c = i % packs * 8;
    pack<4> parts[4] = {};
    if (first + r < end) {
      const float *const p = x.row(first + r) + column + c, *const q = other.row(first + r) + column + c;
      parts[0] = load<4>(p), parts[1] = load<4>(p + 4), parts[2] = load<4>(q), parts[3] = load<4>(q + 4);
    }
    *reinterpret_cast<eight_bf16*>(to + r * mma_pitch<D> + c) = round_eight(parts[0], parts[1]);
    *reinterpret_cast<eight_bf16*>(other_to + r * mma_pitch<D> + c) = round_eight(parts[2], parts[3]);
  }
}

// The same of rows that are packed: [keys | values] in bf16, `width` columns of each.
template <int D>
__device__ void load_packed_tiles(bf16* to, bf16* other_to, const void* packed, int width, int first, int end, int column,
                                  int rows) {
  constexpr int packs = D / 8;
  for (int i = thread(); i < rows * packs; i += threads()) {
    const int r = i / packs, c = i % packs * 8;
    eight_bf16 key{}, value{};
    if (first + r < end) {
      const bf16* const p = static_cast<const bf16*>(packed) + std::ptrdiff_t{first + r} * 2 * width + column + c;
      key = *reinterpret_cast<const eight_bf16*>(p), value = *reinterpret_cast<const eight_bf16*>(p + width);
    }
    *reinterpret_cast<eight_bf16*>(to + r * mma_pitch<D> + c) = key;
    *reinterpret_cast<eight_bf16*>(other_to + r * mma_pitch<D> + c) = value;
  }
}

// What a lane brings to ldmatrix for sixteen rows and columns of a tile: its four matrices one below the other first,
// or side by side first.
template <int D>
__device__ const bf16* below_first(const bf16* part) {
  return part + (lane() / 8 % 2 * 8 + lane() % 8) * mma_pitch<D> + lane() / 16 * 8;
}
template <int D>
__device__ const bf16* beside_first(const bf16* part) {
  return part + (lane() / 16 * 8 + lane() % 8) * mma_pitch<D> + lane() / 8 % 2 * 8;
}

// Sixteen rows of a tile as the left factor, for whom registers are too few.
template <int D>
struct tile_fragments {
  const bf16* rows = nullptr;
};
template <int D>
__device__ void fragment(const row_fragments<D>& own, int k, unsigned (&a)[4]) {
#pragma unroll
  for (int i = 0; i < 4; ++i) a[i] = own.a[k][i];
}
template <int D>
__device__ void fragment(const tile_fragments<D>& own, int k, unsigned (&a)[4]) {
  ldmatrix_x4(a, below_first<D>(own.rows + 16 * k));
}

// Products [16, 8 n] of a warp lie in its lanes as p[n][4]; element i = 4 eight + 2 r + e of a lane is that of row
// lane_group() + 8 r and of column 8 eight + lane_pair() + e.
__device__ inline int product_row(int i) { return i / 2 % 2; }
__device__ inline int product_column(int i) { return i / 4 * 8 + lane_pair() + i % 2; }

// [16, 16] = own rows times sixteen rows of a tile, the first eight of these in `left`.
template <int D, class Own>
__device__ void row_products(const Own& own, const bf16* rows, float (&left)[4], float (&right)[4]) {
#pragma unroll
  for (int i = 0; i < 4; ++i) left[i] = right[i] = 0;
#pragma unroll
  for (int k = 0; k < D / 16; ++k) {
    unsigned a[4], b[4];
    fragment(own, k, a);
    ldmatrix_x4(b, beside_first<D>(rows + 16 * k));
    mma_m16n8k16(left, a, b[0], b[1]);
    mma_m16n8k16(right, a, b[2], b[3]);
  }
}

// sums [16, D] += weights [16, 16], rounded to bf16, times sixteen rows of a tile. Two eights of products lie as the
// left factor of another product does.
template <int D>
__device__ void add_weighted_rows(const float (&left)[4], const float (&right)[4], const bf16* rows,
                                  float (&sums)[D / 8][4]) {
  const unsigned a[4] = {bf16_pair(left[0], left[1]), bf16_pair(left[2], left[3]), bf16_pair(right[0], right[1]),
                         bf16_pair(right[2], right[3])};
#pragma unroll
  for (int n = 0; n < D / 16; ++n) {
    unsigned b[4];
    ldmatrix_x4_trans(b, below_first<D>(rows + 16 * n));
    mma_m16n8k16(sums[2 * n], a, b[0], b[1]);
    mma_m16n8k16(sums[2 * n + 1], a, b[2], b[3]);
  }
}

// f(row of the sixteen, column, two numbers) for what the lane holds of sums [16, D].
template <int D, class F>
__device__ void each_pair_of_sums(const float (&sums)[D / 8][4], F f) {
#pragma unroll
  for (int n = 0; n < D / 8; ++n)
#pragma unroll
    for (int r = 0; r < 2; ++r) f(r, 8 * n + lane_pair(), pack<2>{sums[n][2 * r], sums[n][2 * r + 1]});
}

// Over the four lanes that share a row.
__device__ inline float row_most(float x) {
  x = fmaxf(x, __shfl_xor_sync(all_lanes, x, 1));
  return fmaxf(x, __shfl_xor_sync(all_lanes, x, 2));
}
__device__ inline float row_sum(float x) {
  x += __shfl_xor_sync(all_lanes, x, 1);
  return x + __shfl_xor_sync(all_lanes, x, 2);
}

// Calls f with D as a constant; false: no such width.
template <class F>
bool by_mma_width(int width, F f) {
  const auto fits = [&](auto d) {
    if (width != d()) return false;
    f(d);
    return true;
  };
  return fits(std::integral_constant<int, 16>()) || fits(std::integral_constant<int, 32>()) ||
         fits(std::integral_constant<int, 48>()) || fits(std::integral_constant<int, 64>()) ||
         fits(std::integral_constant<int, 80>()) || fits(std::integral_constant<int, 96>()) ||
         fits(std::integral_constant<int, 112>()) || fits(std::integral_constant<int, 128>());
}

}  // namespace blip::inline BLIP_ABI::gpu
