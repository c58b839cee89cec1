// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <new>

#include "support/idle.hpp"

// Memory of `idle_of<4>`, whose scalars have a float's size so that bytes held are those of a GPU: blocks of a megabyte
// and more hold numbers that nobody computes, and no page of them is ever written. Smaller ones may hold indices.
namespace blip::inline BLIP_ABI {

template <>
struct memory<blip_test::idle_of<4>> {
  static constexpr std::size_t large = std::size_t{1} << 20;

  static void* allocate(std::size_t bytes) {
    if (bytes == 0) return nullptr;
    void* p = bytes < large
                  ? std::calloc(1, bytes)
                  : ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!p || p == MAP_FAILED) throw std::bad_alloc();
    return p;
  }
  static void deallocate(void* p, std::size_t bytes) noexcept {
    if (bytes >= large)
      ::munmap(p, bytes);
    else
      std::free(p);
  }
  static void copy_in(void* to, const void* from, std::size_t bytes) { copy(to, from, bytes); }
  static void copy_out(void* to, const void* from, std::size_t bytes) { copy(to, from, bytes); }
  static void copy(void* to, const void* from, std::size_t bytes) {
    if (bytes > 0 && bytes < large) std::memmove(to, from, bytes);
  }
  static void zero(void* p, std::size_t bytes) {
    if (bytes > 0 && bytes < large) std::memset(p, 0, bytes);
  }
};

}  // namespace blip::inline BLIP_ABI
