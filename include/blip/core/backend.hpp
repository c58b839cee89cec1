// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>

#include "blip/core/dtype.hpp"
#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI {

// What a back end's tag provides: the scalar that tensors are made of, and run-time options.
template <class B>
concept backend = requires {
  typename B::scalar;
  typename B::options;
};

namespace detail {

// Fails with a sentence unless B is a back end's tag. Heads of layers say `class B` and ask this, because a compiler's
// own words for an unsatisfied concept come without ours.
template <class B>
consteval bool back_end_rules() {
  static_assert(backend<B>, "blip: no back end; give blip::cpu, blip::cuda, blip::reference<S> or a tag of your own");
  return backend<B>;
}

}  // namespace detail

// How a back end holds memory. The primary template is for back ends that work in host memory.
template <backend B>
struct memory {
  static constexpr std::size_t alignment = 64;

  static void* allocate(std::size_t bytes) {
    if (bytes == 0) return nullptr;
    void* p = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    if (!p) throw std::bad_alloc();
    return p;
  }
  static void deallocate(void* p, std::size_t) noexcept { std::free(p); }
  static void copy_in(void* to, const void* from, std::size_t bytes) {
    if (bytes > 0) std::memcpy(to, from, bytes);
  }
  static void copy_out(void* to, const void* from, std::size_t bytes) {
    if (bytes > 0) std::memcpy(to, from, bytes);
  }
  static void copy(void* to, const void* from, std::size_t bytes) {
    if (bytes > 0) std::memmove(to, from, bytes);
  }
  static void zero(void* p, std::size_t bytes) {
    if (bytes > 0) std::memset(p, 0, bytes);
  }
};

// Plain loops over any scalar (double, dual numbers, complex): the oracle of every other back end.
template <class S = double>
struct reference {
  using scalar = S;
  struct options {};
};

// Which library does the matrix products on the processor.
enum class gemm_engine { automatic, eigen, onednn };

// The processor: Eigen or oneDNN products, threads, streamed attention.
struct cpu {
  using scalar = float;
  struct options {
    int threads = 0;  // 0: all
    // automatic: oneDNN when it was found and the processor has AVX-512, without which onednn is refused; else Eigen
    gemm_engine engine = gemm_engine::automatic;
    precision products = precision::fp32;
  };
};

// NVIDIA GPUs.
struct cuda {
  using scalar = float;
  struct options {
    int ordinal = 0;
    precision products = precision::bf16;
    bool graphs = true;  // what repeats (steps of a decoder) is captured once and replayed with one call
  };
};

}  // namespace blip::inline BLIP_ABI
