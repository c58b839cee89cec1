// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <new>
#include <string>
#include <utility>

#include "blip/core/backend.hpp"
#include "blip/core/device.hpp"
#include "blip/core/error.hpp"

namespace blip::inline BLIP_ABI {

// What the CUDA runtime does for the library, defined in runtime.cuh. Here, and for every kernel, the linkage is C's:
// the name of our inline namespace holds the instruction set, and one library of kernels serves units of any.
extern "C" {
void* blip_cuda_allocate(std::size_t bytes);  // null when there is not enough
void blip_cuda_deallocate(void* p);
void blip_cuda_copy_in(void* to, const void* from, std::size_t bytes);
void blip_cuda_copy_out(void* to, const void* from, std::size_t bytes);  // waits for all work before it
void blip_cuda_copy(void* to, const void* from, std::size_t bytes);
void blip_cuda_copy_rows(void* to, const void* from, int rows, std::size_t bytes, std::size_t stride);
void blip_cuda_fill(void* p, int byte, std::size_t bytes);
void blip_cuda_select(int ordinal);
int blip_cuda_selected();
int blip_cuda_devices();
// The first failure on this thread since the last call, or null. Nothing in a unit of kernels throws.
const char* blip_cuda_failure();
}

namespace detail {

// Throws device_error if something failed since the last call.
inline void cuda_checked(const char* where) {
  if (const char* what = blip_cuda_failure())
    throw device_error(
        {std::string("cuda: ") + where, "success", what, "errors of kernels may show up later than they happen"});
}

// A kernel's function F behind the signature that kernels<B> promises.
template <auto F>
struct cuda_call;
template <class... A, void (*F)(device<cuda>&, A...)>
struct cuda_call<F> {
  static void call(device<cuda>& d, A... arguments) {
    if (d.options().ordinal != blip_cuda_selected())
      throw device_error({"cuda: the device of a kernel",
                          "GPU " + std::to_string(blip_cuda_selected()) + ", which the thread has selected",
                          "GPU " + std::to_string(d.options().ordinal),
                          "call blip::select_gpu first, and make the device after it"});
    F(d, std::move(arguments)...);
    cuda_checked("a kernel");
  }
};

}  // namespace detail

// How many GPUs answer; 0 as well without a driver. Never throws.
inline int gpu_count() { return blip_cuda_devices(); }

// The GPU that the calling thread allocates on and computes with; 0 until it is called. Throws device_error.
inline void select_gpu(int ordinal) {
  blip_cuda_select(ordinal);
  detail::cuda_checked("select_gpu");
}

// Memory of the GPU. All work, of all threads, is ordered by one stream, so that what one thread wrote another may
// read; only copy_out waits. Throws bad_alloc and device_error.
template <>
struct memory<cuda> {
  static void* allocate(std::size_t bytes) {
    if (bytes == 0) return nullptr;
    void* p = blip_cuda_allocate(bytes);
    detail::cuda_checked("allocation");
    if (!p) throw std::bad_alloc();
    return p;
  }
  static void deallocate(void* p, std::size_t) noexcept {
    if (p) blip_cuda_deallocate(p);
  }
  static void copy_in(void* to, const void* from, std::size_t bytes) {
    if (bytes > 0) blip_cuda_copy_in(to, from, bytes), detail::cuda_checked("copy to the GPU");
  }
  static void copy_out(void* to, const void* from, std::size_t bytes) {
    if (bytes > 0) blip_cuda_copy_out(to, from, bytes), detail::cuda_checked("copy to the host");
  }
  static void copy(void* to, const void* from, std::size_t bytes) {
    if (bytes > 0) blip_cuda_copy(to, from, bytes), detail::cuda_checked("copy");
  }
  // `rows` stretches of `bytes`, which begin `stride` bytes apart in both places.
  static void copy_rows(void* to, const void* from, int rows, std::size_t bytes, std::size_t stride) {
    if (rows > 0 && bytes > 0) blip_cuda_copy_rows(to, from, rows, bytes, stride), detail::cuda_checked("copy");
  }
  static void zero(void* p, std::size_t bytes) {
    if (bytes > 0) blip_cuda_fill(p, 0, bytes), detail::cuda_checked("zeroing");
  }
};

}  // namespace blip::inline BLIP_ABI
