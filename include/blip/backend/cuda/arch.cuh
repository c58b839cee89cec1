// SPDX-License-Identifier: Apache-2.0
#pragma once

// What kernels are made of. `cuda_runtime.h` is CUDA's, or the one of tests/support/simt, which runs them without a
// GPU.
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "blip/backend/cuda/memory.hpp"
#include "blip/core/device.hpp"
#include "blip/core/matrix_view.hpp"

extern __shared__ __align__(16) unsigned char blip_dynamic_shared[];

namespace blip::inline BLIP_ABI::gpu {

using in = matrix_view<const float>;
using out = matrix_view<float>;
using grad = gradient_view<float>;

inline constexpr int lanes = 32;
inline constexpr unsigned all_lanes = 0xffffffffu;

// --- host ---

// Remembers the first failure of the thread, until blip_cuda_failure asks.
void remember(const char* what);
inline void check(cudaError_t e) {
  if (e != cudaSuccess) remember(cudaGetErrorString(e));
}
// Where work goes: the legacy stream, which is ordered with those of all threads, or the one whose work is captured.
inline cudaStream_t& stream() {
  static thread_local cudaStream_t now = nullptr;
  return now;
}
// Where memory comes from, captured or not.
inline constexpr cudaStream_t memory_stream = nullptr;

constexpr int ceiling(std::int64_t a, std::int64_t b) { return static_cast<int>((a + b - 1) / b); }
constexpr int at_least_one(int n) { return n > 1 ? n : 1; }

// kernel<<<grid, threads, shared>>>(arguments...), as a function, so that every compiler parses it.
template <class... P, class... A>
void launch(void (*kernel)(P...), dim3 grid, int threads, std::size_t shared, A&&... arguments) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  constexpr std::size_t without_asking = 48u << 10;
  if (shared > without_asking)
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared)));
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.dynamicSmemBytes = shared;
  config.stream = stream();
  check(cudaLaunchKernelEx(&config, kernel, P(std::forward<A>(arguments))...));
}
inline dim3 grid_of(int x, int y = 1, int z = 1) {
  return {static_cast<unsigned>(x), static_cast<unsigned>(y), static_cast<unsigned>(z)};
}

// --- device ---

__device__ inline int thread() { return static_cast<int>(threadIdx.x); }
__device__ inline int threads() { return static_cast<int>(blockDim.x); }
__device__ inline int lane() { return thread() % lanes; }
__device__ inline int warp() { return thread() / lanes; }
__device__ inline int block_x() { return static_cast<int>(blockIdx.x); }
__device__ inline int block_y() { return static_cast<int>(blockIdx.y); }
__device__ inline int block_z() { return static_cast<int>(blockIdx.z); }
__device__ inline int blocks_x() { return static_cast<int>(gridDim.x); }
__device__ inline int blocks_y() { return static_cast<int>(gridDim.y); }

template <class T>
__device__ T* shared_memory() {
  return reinterpret_cast<T*>(blip_dynamic_shared);
}

template <class T>
BLIP_HD constexpr T least(T a, T b) {
  return b < a ? b : a;
}
template <class T>
BLIP_HD constexpr T most(T a, T b) {
  return a < b ? b : a;
}

// V numbers that one access moves: 16 bytes when V is 4.
template <int V>
struct alignas(sizeof(float) * V) pack {
  float v[V];
};
template <int V>
__device__ pack<V> load(const float* p) {
  return *reinterpret_cast<const pack<V>*>(p);
}
template <int V>
__device__ void store(float* p, const pack<V>& x) {
  *reinterpret_cast<pack<V>*>(p) = x;
}
template <int V>
__device__ void put(const grad& g, int r, int c, pack<V> x) {
  float* const at = g.row(r) + c;
  if (g.accumulate) {
    const pack<V> before = load<V>(at);
    for (int i = 0; i < V; ++i) x.v[i] += before.v[i];
  }
  store<V>(at, x);
}

// Whether all of these matrices may be read four numbers at a time.
template <class... M>
bool four_wide(const M&... matrices) {
  const auto fits = [](const auto& m) {
    return !m.data || (m.width % 4 == 0 && m.stride % 4 == 0 && reinterpret_cast<std::uintptr_t>(m.data) % 16 == 0);
  };
  return (fits(matrices) && ...);
}
// Calls f with the number of columns of one access as a constant.
template <class F>
void by_pack(bool four, F f) {
  if (four)
    f(std::integral_constant<int, 4>());
  else
    f(std::integral_constant<int, 1>());
}

}  // namespace blip::inline BLIP_ABI::gpu
