// SPDX-License-Identifier: Apache-2.0
#pragma once

// Stands in for CUDA's header when g++ compiles kernels: as much of it as the library uses, executed by simt.hpp.
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <type_traits>

#include "support/simt/mma.hpp"
#include "support/simt/simt.hpp"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __shared__ thread_local  // static: one for all fibers of a thread; extern: the dynamic one below

using dim3 = simt::dim;
extern thread_local dim3 threadIdx, blockIdx, blockDim, gridDim;

extern thread_local __align__(128) unsigned char blip_dynamic_shared[];

// --- memory and streams: every call is done when it returns ---

enum cudaError_t { cudaSuccess = 0, cudaErrorInvalidValue = 1, cudaErrorMemoryAllocation = 2 };
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2, cudaMemcpyDeviceToDevice = 3 };
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };
enum cudaMemPoolAttr { cudaMemPoolAttrReleaseThreshold = 4 };
using cudaStream_t = struct simt_stream*;
using cudaMemPool_t = struct simt_pool*;

// Done now, or told to the graph that is captured on this stream.
inline cudaError_t blip_simt_do(cudaStream_t stream, std::function<void()> work) {
  simt::do_or_tell(stream, std::move(work));
  return cudaSuccess;
}

inline const char* cudaGetErrorString(cudaError_t) { return "the emulated call failed"; }
inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline cudaError_t cudaMallocAsync(void** p, std::size_t bytes, cudaStream_t) {
  *p = simt::allocate(bytes);
  return cudaSuccess;
}
inline cudaError_t cudaFreeAsync(void* p, cudaStream_t) {
  simt::release(p);
  return cudaSuccess;
}
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
  return blip_simt_do(stream, [=] { std::memmove(to, from, bytes); });
}
inline cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_stride, const void* from, std::size_t from_stride,
                                     std::size_t bytes, std::size_t rows, cudaMemcpyKind, cudaStream_t stream) {
  return blip_simt_do(stream, [=] {
    for (std::size_t r = 0; r < rows; ++r)
      std::memmove(static_cast<char*>(to) + r * to_stride, static_cast<const char*>(from) + r * from_stride, bytes);
  });
}
inline cudaError_t cudaMemsetAsync(void* p, int value, std::size_t bytes, cudaStream_t stream) {
  return blip_simt_do(stream, [=] { std::memset(p, value, bytes); });
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
inline cudaError_t cudaGetDevice(int* ordinal) {
  *ordinal = 0;
  return cudaSuccess;
}
inline cudaError_t cudaSetDevice(int ordinal) { return ordinal == 0 ? cudaSuccess : cudaErrorInvalidValue; }
inline cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t*, int) { return cudaSuccess; }
inline cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr, void*) { return cudaSuccess; }

// --- graphs: lists of what was told while a stream was captured ---

enum cudaStreamCaptureMode { cudaStreamCaptureModeRelaxed = 2 };
inline constexpr unsigned cudaStreamNonBlocking = 1;
using cudaGraph_t = struct simt_graph*;
using cudaGraphExec_t = struct simt_graph*;

inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = simt::new_stream();
  return cudaSuccess;
}
inline cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  simt::end_stream(stream);
  return cudaSuccess;
}
inline cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  return simt::begin_capture(stream) ? cudaSuccess : cudaErrorInvalidValue;
}
inline cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = simt::end_capture(stream);
  return *graph ? cudaSuccess : cudaErrorInvalidValue;
}
inline cudaError_t cudaGraphInstantiate(cudaGraphExec_t* ready, cudaGraph_t graph, unsigned long long) {
  *ready = simt::copy_graph(graph);
  return cudaSuccess;
}
inline cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  simt::end_graph(graph);
  return cudaSuccess;
}
inline cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) {
  simt::end_graph(graph);
  return cudaSuccess;
}
inline cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t) {
  simt::replay(graph);
  return cudaSuccess;
}

// --- launches ---

struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  std::size_t dynamicSmemBytes = 0;
  cudaStream_t stream = nullptr;
};
template <class F>
cudaError_t cudaFuncSetAttribute(F*, cudaFuncAttribute, int bytes) {
  return static_cast<std::size_t>(bytes) <= simt::most_shared ? cudaSuccess : cudaErrorInvalidValue;
}
template <class... P, class... A>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* c, void (*kernel)(P...), A&&... arguments) {
  return blip_simt_do(c->stream, [config = *c, kernel, ... arguments = P(arguments)] {
    const auto call = [&] { kernel(arguments...); };
    simt::run(
        config.gridDim, config.blockDim, config.dynamicSmemBytes,
        [](void* f) { (*static_cast<const std::remove_reference_t<decltype(call)>*>(f))(); },
        const_cast<void*>(static_cast<const void*>(&call)));
  });
}

// --- blocks run one after the other, so what is done in one piece on a GPU is here as well ---

inline unsigned atomicInc(unsigned* at, unsigned most) {
  const unsigned before = *at;
  *at = before >= most ? 0 : before + 1;
  return before;
}
inline void __threadfence() {}
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fmul_rn(float a, float b) { return a * b; }

// --- waits and what lanes tell each other ---

inline void __syncthreads(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  simt::block_barrier({file, line});
}
inline void __syncwarp(unsigned mask = 0xffffffffu, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  simt::warp_barrier(mask, {file, line});
}

namespace simt {

template <class T>
T from_lane(unsigned mask, T x, int source) {
  static_assert(sizeof(T) <= 8 && std::is_trivially_copyable_v<T>);
  std::uint64_t bits = 0;
  std::memcpy(&bits, &x, sizeof(T));
  const std::uint64_t* all = exchange(mask, bits);
  std::memcpy(&x, all + source, sizeof(T));
  return x;
}

}  // namespace simt

template <class T>
T __shfl_sync(unsigned mask, T x, int source) {
  return simt::from_lane(mask, x, source & 31);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T x, int other) {
  return simt::from_lane(mask, x, simt::lane() ^ other);
}
template <class T>
T __shfl_up_sync(unsigned mask, T x, unsigned by) {
  const int from = simt::lane() - static_cast<int>(by);
  return simt::from_lane(mask, x, from < 0 ? simt::lane() : from);
}
inline unsigned __ballot_sync(unsigned mask, bool x) {
  const std::uint64_t* all = simt::exchange(mask, x);
  unsigned found = 0;
  for (unsigned i = 0; i < 32; ++i)
    if ((mask >> i & 1u) != 0 && all[i] != 0) found |= 1u << i;
  return found;
}
inline bool __any_sync(unsigned mask, bool x) { return __ballot_sync(mask, x) != 0; }

inline int __ffs(unsigned x) { return x == 0 ? 0 : std::countr_zero(x) + 1; }
inline int __popc(unsigned x) { return std::popcount(x); }
