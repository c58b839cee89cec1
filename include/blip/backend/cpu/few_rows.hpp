// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "blip/backend/cpu/blocks.hpp"
#include "blip/backend/cpu/pairs.hpp"
#include "blip/core/dtype.hpp"

// Few rows against weights: such a product (a token of a text) waits for its weights, which are read once, in the order
// in which they lie, without a call of a library for every panel. A panel is [k, 64] floats or, for bf16, [k / 2, 64]
// pairs along k.
namespace blip::inline BLIP_ABI::cpu_few_rows {

using namespace cpu_blocks;

inline constexpr int panel = 64;
inline constexpr int most = 32;  // rows; more of them keep a processor busy by themselves

// Whether this build's instructions can sum as those of a library that was built for this processor do.
template <class In>
inline constexpr bool possible =
#if defined(BLIP_HAS_PAIRS)
    true;
#elif defined(__FMA__)
    std::is_same_v<In, float>;
#else
    false;
#endif

// One panel: the transpose of `columns` rows of plain weights b [columns, k], rounded.
template <class In>
void pack(const float* b, std::ptrdiff_t stride, int columns, int k, float* to) {
  if constexpr (std::is_same_v<In, float>) {
    copy_transposed(b, stride, columns, k, to, panel);
  } else {
#if defined(BLIP_HAS_PAIRS)
    cpu_pairs::pack_transposed<panel>(b, stride, columns, k, to);
#endif
  }
}

// sums [rows, 64] = a [rows, k] b. k is cut into parts of `depth`, whose sums are added up one after the other. Both
// are even for bf16.
template <class In>
void multiply(int rows, const In* a, std::ptrdiff_t a_stride, int k, int depth, const float* b, float* sums) {
  constexpr int wide = many_registers ? panel / lanes : 4;  // packets
  constexpr int words = sizeof(float) / sizeof(In);         // numbers of a word
  const auto run = [&]<class Step>() {
    for (int k0 = 0; k0 < k; k0 += depth)
      for (int c = 0; c < panel; c += wide * lanes) {
        block s{reinterpret_cast<const float*>(a + k0),
                a_stride / words,
                1,
                b + k0 / words * panel + c,
                std::min(depth, k - k0) / words,
                panel,
                sums + c,
                panel,
                k0 > 0};
        const auto rows_of = [&]<int M>(int left) {
          for (; left >= M; left -= M, s.a += M * s.row_step, s.c += M * s.c_stride)
            multiply_block<M, wide, Step>(s, wide * lanes);
          return left;
        };
        int left = rows;
        if constexpr (many_registers) left = rows_of.template operator()<4>(left);
        rows_of.template operator()<1>(rows_of.template operator()<2>(left));
      }
  };
  if constexpr (std::is_same_v<In, float>) {
    run.template operator()<by_floats>();
  } else {
#if defined(BLIP_HAS_PAIRS)
    run.template operator()<cpu_pairs::by_pairs>();
#endif
  }
}

}  // namespace blip::inline BLIP_ABI::cpu_few_rows
