// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "support/simt/simt.hpp"

// The warp-wide instructions of blip/backend/cuda/mma.cuh, from the fragments' definition: every lane brings its
// registers, and picks out of all lanes' what it needs.
namespace simt {

// Half `half` of register `r` of the two in one exchanged number, as float.
inline float bf16_of(std::uint64_t registers, int r, int half) {
  const auto bits = static_cast<std::uint32_t>(registers >> (32 * r + 16 * half)) & 0xffffu;
  return std::bit_cast<float>(bits << 16);
}

inline void mma_m16n8k16(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  constexpr unsigned all = 0xffffffffu;
  const auto both = [](unsigned low, unsigned high) { return std::uint64_t{low} | std::uint64_t{high} << 32; };
  if (lane() == 0) count_mma();
  const std::uint64_t* const left[2] = {exchange(all, both(a[0], a[1])), exchange(all, both(a[2], a[3]))};
  const std::uint64_t* const right = exchange(all, both(b0, b1));
  const int group = lane() / 4, place = lane() % 4;
  for (int i = 0; i < 4; ++i) {
    const int below = i / 2, column = 2 * place + i % 2;
    float sum = c[i];
    for (int k = 0; k < 16; ++k)
      sum += bf16_of(left[k / 8][4 * group + k % 8 / 2], below, k % 2) *
             bf16_of(right[4 * column + k % 8 / 2], k / 8, k % 2);
    c[i] = sum;
  }
}

// A row that is not aligned to 16 bytes, where a GPU would stop, gives NaN.
inline void ldmatrix_x4(unsigned (&to)[4], const void* row, bool transposed) {
  const std::uint64_t* const rows = exchange(0xffffffffu, reinterpret_cast<std::uint64_t>(row));
  const int group = lane() / 4, place = lane() % 4;
  const auto bytes = [&](int r) { return reinterpret_cast<const unsigned char*>(rows[r]); };
  for (int m = 0; m < 4; ++m) {
    std::uint16_t pair[2];
    unsigned banks = 0;
    bool aligned = true;
    for (int r = 0; r < 8; ++r)
      banks |= 1u << (rows[8 * m + r] / 16 % 8), aligned = aligned && rows[8 * m + r] % 16 == 0;
    if (lane() == 0 && banks != 0xffu) count_bank_conflict();
    for (int i = 0; i < 2; ++i)
      std::memcpy(&pair[i],
                  transposed ? bytes(8 * m + 2 * place + i) + 2 * group : bytes(8 * m + group) + 2 * (2 * place + i),
                  2);
    to[m] = aligned ? pair[0] | static_cast<unsigned>(pair[1]) << 16 : 0xffffffffu;
  }
}

}  // namespace simt
