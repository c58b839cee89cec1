// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "blip/backend/cpu/blocks.hpp"

#if defined(__AVX512BF16__) && defined(EIGEN_VECTORIZE_AVX512)
#define BLIP_HAS_PAIRS 1
#if defined(__linux__) && (defined(__AMX_BF16__) || defined(__AMXBF16__))
#define BLIP_HAS_TILES 1
#include <sys/syscall.h>
#include <unistd.h>
#endif
#include <immintrin.h>
#endif

#if defined(BLIP_HAS_PAIRS)

// Products of factors rounded to bf16, summed in float. Two neighbours along the depth take the place of one float, a
// word, so that words are copied and transposed as floats are. A depth is padded with zeros to whole tiles, 16 words.
// Sums are those of the processor's instruction: tiles of 16 x 16 (AMX) where the system permits them, else vectors
// (AVX512_BF16). Intel, Architecture Instruction Set Extensions Programming Reference, chapter 3.
namespace blip::inline BLIP_ABI::cpu_pairs {

using namespace cpu_blocks;
static_assert(lanes == 16);

inline constexpr int side = 16;  // rows of a tile, and words of one of its rows
inline constexpr int panel = 2 * side;

inline constexpr int words(int depth) { return (depth + 2 * side - 1) / (2 * side) * side; }

inline packet joined(const packet& low, const packet& high) {
  return std::bit_cast<packet>(_mm512_cvtne2ps_pbh(high, low));
}

// to [words(n)] = the pairs (x_0, x_1), (x_2, x_3), ...
inline void round_row(const float* x, int n, float* to) {
  for (; n >= panel; n -= panel, x += panel, to += side) simd::store(to, joined(simd::load(x), simd::load(x + side)));
  if (n > 0)
    simd::store(to, joined(simd::load_some(x, std::min(n, side)), simd::load_some(x + side, std::max(0, n - side))));
}

// The pairs (even_j, odd_j).
inline packet interleaved(const packet& even, const packet& odd) {
  const auto order = [] {
    alignas(64) std::uint16_t at[2 * side] = {};
    for (std::uint16_t j = 0; j < side; ++j) at[2 * j] = j, at[2 * j + 1] = static_cast<std::uint16_t>(side + j);
    return std::bit_cast<__m512i>(at);
  }();
  return std::bit_cast<packet>(_mm512_permutexvar_epi16(order, std::bit_cast<__m512i>(joined(even, odd))));
}

// to, panels of [words(width), Wide]: pairs along the rows of x [rows, width], one column for each row.
template <int Wide = panel>
void pack_transposed(const float* x, std::ptrdiff_t stride, int rows, int width, float* to) {
  alignas(64) float part[Wide][side];
  for (int r = 0; r < rows; r += Wide) {
    const int some = std::min(Wide, rows - r);
    for (int c = 0; c < width; c += 2 * side, to += side * Wide) {
      for (int i = 0; i < some; ++i) round_row(x + (r + i) * stride + c, std::min(2 * side, width - c), part[i]);
      copy_transposed(part[0], side, some, side, to, Wide);
    }
  }
}

// to, panels of [words(rows), 32]: pairs down the columns of x [rows, width].
inline void pack_columns(const float* x, std::ptrdiff_t stride, int rows, int width, float* to) {
  const auto at = [&](int r, int c) {
    if (r >= rows || c >= width) return simd::constant(0);
    const float* const from = x + r * stride + c;
    return c + lanes <= width ? simd::load(from) : simd::load_some(from, width - c);
  };
  for (int c = 0; c < width; c += panel)
    for (int r = 0; r < 2 * words(rows); r += 2, to += panel) {
      simd::store(to, interleaved(at(r, c), at(r + 1, c)));
      simd::store(to + lanes, interleaved(at(r, c + lanes), at(r + 1, c + lanes)));
    }
}

// to [columns, 16]: pairs down the columns of x [rows, columns], rows <= 32, as the rows of a factor.
inline void turn(const float* x, std::ptrdiff_t stride, int rows, int columns, float* to) {
  alignas(64) float part[side][side];
  for (int c = 0; c < columns; c += side) {
    const int some = std::min(side, columns - c);
    const auto at = [&](int r) {
      if (r >= rows) return simd::constant(0);
      return some == side ? simd::load(x + r * stride + c) : simd::load_some(x + r * stride + c, some);
    };
    for (int w = 0; w < side; ++w) simd::store(part[w], interleaved(at(2 * w), at(2 * w + 1)));
    // Rows of `to` are the columns of `part`.
    copy_transposed(part[0], side, side, side, to + std::ptrdiff_t{c} * side, side);
  }
}

struct by_pairs {
  [[gnu::always_inline]] static packet add(const packet& row, const packet& column, const packet& sum) {
    return _mm512_dpbf16_ps(sum, std::bit_cast<__m512bh>(row), std::bit_cast<__m512bh>(column));
  }
};

#if defined(BLIP_HAS_TILES)

// Whether the system lets this process use tiles; asks it once.
inline bool tiles_permitted() {
  constexpr long request = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  static const bool granted = ::syscall(SYS_arch_prctl, request, tile_data) == 0;
  return granted;
}

// Tiles of this thread are 16 x 16 words while one of these lives.
class tiles_in_use {
 public:
  tiles_in_use() {
    struct alignas(64) {
      std::uint8_t palette = 1, start_row = 0, unused[14] = {};
      std::uint16_t row_bytes[16] = {};
      std::uint8_t rows[16] = {};
    } shape;
    std::fill_n(shape.row_bytes, 8, std::uint16_t{64});
    std::fill_n(shape.rows, 8, std::uint8_t{side});
    if (permitted_) _tile_loadconfig(&shape);
    asm volatile("" ::: "memory");
  }
  tiles_in_use(const tiles_in_use&) = delete;
  tiles_in_use& operator=(const tiles_in_use&) = delete;
  ~tiles_in_use() {
    if (permitted_) _tile_release();
  }

 private:
  bool permitted_ = tiles_permitted();
};

// c [32 or 16, 32] (+)= a b with all rows of the tiles, whatever lies behind those that are wanted.
template <bool Two>
void multiply_tiles(const block& s) {
  constexpr int bytes = sizeof(float);
  const std::ptrdiff_t row = s.row_step * bytes, wide = panel * bytes, high = s.c_stride * bytes;
  const float* const lower_a = s.a + side * s.row_step;
  float* const lower_c = s.c + side * s.c_stride;
  asm volatile("" ::: "memory");  // what the tiles read has been written
  if (s.add) {
    _tile_loadd(0, s.c, high);
    _tile_loadd(1, s.c + side, high);
    if constexpr (Two) {
      _tile_loadd(2, lower_c, high);
      _tile_loadd(3, lower_c + side, high);
    }
  } else {
    _tile_zero(0);
    _tile_zero(1);
    if constexpr (Two) {
      _tile_zero(2);
      _tile_zero(3);
    }
  }
  for (int p = 0; p < s.k; p += side) {
    _tile_loadd(6, s.b + std::ptrdiff_t{p} * panel, wide);
    _tile_loadd(7, s.b + std::ptrdiff_t{p} * panel + side, wide);
    _tile_loadd(4, s.a + p, row);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    if constexpr (Two) {
      _tile_loadd(5, lower_a + p, row);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
  }
  _tile_stored(0, s.c, high);
  _tile_stored(1, s.c + side, high);
  if constexpr (Two) {
    _tile_stored(2, lower_c, high);
    _tile_stored(3, lower_c + side, high);
  }
  asm volatile("" ::: "memory");
}

// One panel. Blocks that stick out of c go through a copy.
inline void multiply_tile_panel(block s, int rows, int columns) {
  for (; rows > 0; rows -= 2 * side, s.a += 2 * side * s.row_step, s.c += 2 * side * s.c_stride) {
    const int some = std::min(2 * side, rows);
    const bool two = some > side;
    if (columns == panel && some % side == 0) {
      two ? multiply_tiles<true>(s) : multiply_tiles<false>(s);
      continue;
    }
    alignas(64) float kept[2 * side][panel] = {};
    const auto each_row = [&](auto f) {
      for (int i = 0; i < some; ++i) f(s.c + i * s.c_stride, kept[i]);
    };
    if (s.add) each_row([&](const float* c, float* k) { std::copy_n(c, columns, k); });
    const block whole{s.a, s.row_step, 1, s.b, s.k, s.panel, kept[0], panel, s.add};
    two ? multiply_tiles<true>(whole) : multiply_tiles<false>(whole);
    each_row([&](float* c, const float* k) { std::copy_n(k, columns, c); });
  }
}

#else

struct tiles_in_use {
  tiles_in_use() {}
};

#endif

// c [m, n] (+)= a [m, k words] b, b in panels, panel j at b + j * step. a may be read up to the next multiple of 16
// rows. Needs `tiles_in_use`.
inline void multiply(int m, int n, int k, const float* a, std::ptrdiff_t row_step, const float* b, std::ptrdiff_t step,
                     float* c, std::ptrdiff_t c_stride, bool add) {
  for (int j = 0; j < n; j += panel, b += step) {
    const block s{a, row_step, 1, b, k, panel, c + j, c_stride, add};
    const int columns = std::min(panel, n - j);
#if defined(BLIP_HAS_TILES)
    if (tiles_permitted()) {
      multiply_tile_panel(s, m, columns);
      continue;
    }
#endif
    multiply_panel<panel / lanes, by_pairs>(s, m, columns);
  }
}

}  // namespace blip::inline BLIP_ABI::cpu_pairs

#endif
