// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/arch.cuh"

// Sums and maxima over the lanes of a warp and the warps of a block. Every lane gets the result, and the order is
// fixed.
namespace blip::inline BLIP_ABI::gpu {

template <class T>
__device__ T warp_sum(T x) {
  for (int other = lanes / 2; other > 0; other /= 2) x += __shfl_xor_sync(all_lanes, x, other);
  return x;
}
template <class T>
__device__ T warp_most(T x) {
  for (int other = lanes / 2; other > 0; other /= 2) x = most(x, __shfl_xor_sync(all_lanes, x, other));
  return x;
}

// What `combine` makes of one number of each warp; shared memory holds one number for each warp.
template <class T, class F>
__device__ T across_warps(T x, F combine) {
  T* const shared = shared_memory<T>();
  const int warps = threads() / lanes;
  __syncthreads();  // whoever reads what was there before is done
  if (lane() == 0) shared[warp()] = x;
  __syncthreads();
  T all = shared[0];
  for (int w = 1; w < warps; ++w) all = combine(all, shared[w]);
  return all;
}
template <class T>
__device__ T block_sum(T x) {
  return across_warps(warp_sum(x), [](T a, T b) { return a + b; });
}
template <class T>
__device__ T block_most(T x) {
  return across_warps(warp_most(x), [](T a, T b) { return most(a, b); });
}

}  // namespace blip::inline BLIP_ABI::gpu
