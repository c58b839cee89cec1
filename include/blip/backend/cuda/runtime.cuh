// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <utility>

#include "blip/backend/cuda/arch.cuh"

// Memory and errors: the definitions of memory.hpp. Blocks come from the runtime's own pool, which is told to keep what
// it was given, so that neither allocation nor release waits for the GPU.
namespace blip::inline BLIP_ABI {

namespace gpu {

inline const char*& first_failure() {
  static thread_local const char* what = nullptr;
  return what;
}
void remember(const char* what) {
  if (!first_failure()) first_failure() = what;
}

inline void keep_pool(int ordinal) {
  cudaMemPool_t pool = nullptr;
  check(cudaDeviceGetDefaultMemPool(&pool, ordinal));
  std::uint64_t all = ~std::uint64_t{0};
  check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &all));
}

}  // namespace gpu

extern "C" {

void* blip_cuda_allocate(std::size_t bytes) {
  static thread_local int kept = -1;
  if (const int ordinal = blip_cuda_selected(); std::exchange(kept, ordinal) != ordinal) gpu::keep_pool(ordinal);
  void* p = nullptr;
  const cudaError_t e = cudaMallocAsync(&p, bytes, gpu::stream());
  if (e == cudaErrorMemoryAllocation) {
    (void)cudaGetLastError();  // the caller hears of it by bad_alloc
    return nullptr;
  }
  gpu::check(e);
  return e == cudaSuccess ? p : nullptr;
}
void blip_cuda_deallocate(void* p) { gpu::check(cudaFreeAsync(p, gpu::stream())); }

void blip_cuda_copy_in(void* to, const void* from, std::size_t bytes) {
  gpu::check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, gpu::stream()));
}
void blip_cuda_copy_out(void* to, const void* from, std::size_t bytes) {
  gpu::check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, gpu::stream()));
  gpu::check(cudaStreamSynchronize(gpu::stream()));
}
void blip_cuda_copy(void* to, const void* from, std::size_t bytes) {
  gpu::check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, gpu::stream()));
}
void blip_cuda_copy_rows(void* to, const void* from, int rows, std::size_t bytes, std::size_t stride) {
  gpu::check(cudaMemcpy2DAsync(to, stride, from, stride, bytes, static_cast<std::size_t>(rows),
                               cudaMemcpyDeviceToDevice, gpu::stream()));
}
void blip_cuda_fill(void* p, int byte, std::size_t bytes) {
  gpu::check(cudaMemsetAsync(p, byte, bytes, gpu::stream()));
}

void blip_cuda_select(int ordinal) { gpu::check(cudaSetDevice(ordinal)); }
int blip_cuda_selected() {
  int ordinal = 0;
  gpu::check(cudaGetDevice(&ordinal));
  return ordinal;
}
int blip_cuda_devices() {
  int count = 0;
  if (cudaGetDeviceCount(&count) == cudaSuccess) return count;
  (void)cudaGetLastError();  // no driver is an answer, not a failure
  return 0;
}
const char* blip_cuda_failure() { return std::exchange(gpu::first_failure(), nullptr); }

}  // extern "C"

}  // namespace blip::inline BLIP_ABI
