// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <utility>

#include "blip/backend/cuda/arch.cuh"
#include "blip/backend/cuda/graph.hpp"

// Memory, graphs and errors: the definitions of memory.hpp and graph.hpp. Blocks come from the runtime's own pool, which
// is told to keep what it was given, so that neither allocation nor release waits for the GPU.
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

inline constexpr const char* no_host = "blip: a graph is captured, which knows nothing of the host";

}  // namespace gpu

extern "C" {

void* blip_cuda_allocate(std::size_t bytes) {
  static thread_local int kept = -1;
  if (const int ordinal = blip_cuda_selected(); std::exchange(kept, ordinal) != ordinal) gpu::keep_pool(ordinal);
  void* p = nullptr;
  const cudaError_t e = cudaMallocAsync(&p, bytes, gpu::memory_stream);
  if (e == cudaErrorMemoryAllocation) {
    (void)cudaGetLastError();  // the caller hears of it by bad_alloc
    return nullptr;
  }
  gpu::check(e);
  return e == cudaSuccess ? p : nullptr;
}
void blip_cuda_deallocate(void* p) { gpu::check(cudaFreeAsync(p, gpu::memory_stream)); }

void blip_cuda_copy_in(void* to, const void* from, std::size_t bytes) {
  if (gpu::stream()) return gpu::remember(gpu::no_host);
  gpu::check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, gpu::stream()));
}
void blip_cuda_copy_out(void* to, const void* from, std::size_t bytes) {
  if (gpu::stream()) return gpu::remember(gpu::no_host);
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
void blip_cuda_begin_capture() {
  cudaStream_t own = nullptr;
  gpu::check(cudaStreamCreateWithFlags(&own, cudaStreamNonBlocking));  // the legacy stream may go on beside it
  gpu::check(cudaStreamBeginCapture(own, cudaStreamCaptureModeRelaxed));
  gpu::stream() = own;
}
void* blip_cuda_end_capture() {
  const cudaStream_t own = std::exchange(gpu::stream(), nullptr);
  cudaGraph_t told = nullptr;
  cudaGraphExec_t ready = nullptr;
  gpu::check(cudaStreamEndCapture(own, &told));
  if (told && !gpu::first_failure()) gpu::check(cudaGraphInstantiate(&ready, told, 0));
  if (told) gpu::check(cudaGraphDestroy(told));
  if (own) gpu::check(cudaStreamDestroy(own));
  return ready;
}
void blip_cuda_replay(void* graph) { gpu::check(cudaGraphLaunch(static_cast<cudaGraphExec_t>(graph), gpu::stream())); }
void blip_cuda_forget(void* graph) { gpu::check(cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(graph))); }

const char* blip_cuda_failure() { return std::exchange(gpu::first_failure(), nullptr); }

}  // extern "C"

}  // namespace blip::inline BLIP_ABI
