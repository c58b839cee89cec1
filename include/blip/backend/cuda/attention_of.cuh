// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/arch.cuh"
#include "blip/backend/types.hpp"

namespace blip::inline BLIP_ABI::gpu {

// What the kernels of attention have in common: where everything is, and what a query sees.
struct attention_of {
  in q, k, v;
  sequence_layout ql, kl;
  const int* source;
  attention_spec spec;
  int width;  // of a head

  __device__ int keys_of(int s) const { return source ? source[s] : s; }
  // How many of m keys query i of n sees.
  __device__ int seen(int i, int n, int m) const { return spec.causal ? least(m, m + i + 1 - n) : m; }
  __device__ float factor(int s, int head, int i, int key) const {
    if (!spec.dropout.active()) return 1.0f;
    return dropout_factor(spec.dropout, ql.stream(s), attention_row(head, ql.position0(s) + i),
                          static_cast<std::uint32_t>(key));
  }
};

// Keys and values [n, 2 W] of the queries' own rows, which go to these places of the cache that is read. A block brings
// the columns of all rows that it reads, so it waits for no other one; its barrier before the first tile is enough.
struct appended_rows {
  in rows;
  const int* places = nullptr;
  out cache;

  __device__ void bring(int first, int n, int column, int width) const {
    const int half = rows.width / 2;
    for (int i = thread(); i < n * 2 * width; i += threads()) {
      const int r = first + i / (2 * width), c = i % (2 * width), from = column + (c < width ? c : half + c - width);
      cache(places[r], from) = rows(r, from);
    }
  }
};

}  // namespace blip::inline BLIP_ABI::gpu
