// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/loops.cuh"

namespace blip::inline BLIP_ABI::gpu {

// to[keys[r]] += x[r], rows of one key in their order: the first of them adds all. No sorting and no float atomics;
// looking for the others costs n / 32 reads for each row, so n should be thousands, not millions. Negative keys are
// left out.
struct rows_added_by_key {
  const int* keys;
  in x;
  grad to;

  template <int V>
  __device__ void row(int r) const {
    const int key = keys[r];
    if (key < 0) return;
    for (int first = 0; first < r; first += lanes) {
      const int other = first + lane() < r ? keys[first + lane()] : -1;
      if (__any_sync(all_lanes, other == key)) return;
    }
    const int n = in_use(x.rows, x.live);
    for (int first = r; first < n; first += lanes) {
      const bool mine = first + lane() < n && keys[first + lane()] == key;
      for (unsigned found = __ballot_sync(all_lanes, mine); found != 0; found &= found - 1) {
        const int from = first + __ffs(found) - 1;
        for (int c = lane() * V; c < x.width; c += lanes * V) {
          pack<V> sum = load<V>(to.row(key) + c);
          const pack<V> term = load<V>(x.row(from) + c);
          for (int i = 0; i < V; ++i) sum.v[i] += term.v[i];
          store<V>(to.row(key) + c, sum);
        }
      }
    }
  }
};

inline void add_by_key(const int* keys, in x, const grad& to) {
  rows_by_warps(rows_added_by_key{keys, x, to}, x.rows, x.live, four_wide(x, to));
}

}  // namespace blip::inline BLIP_ABI::gpu
