// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a program holds of the system's memory, and the most that it held: malloc and its family are replaced. For
// programs of their own, in one translation unit. Sanitizers own the allocator: with them nothing is counted.
#include <malloc.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>

namespace blip_test {

inline std::atomic<long long> live_bytes{0}, most_live_bytes{0};

inline void* count_block(void* p) {
  const auto size = static_cast<long long>(p ? ::malloc_usable_size(p) : 0);
  const long long now = live_bytes += size;
  if (now > most_live_bytes) most_live_bytes = now;
  return p;
}
inline void forget_block(void* p) { live_bytes -= static_cast<long long>(p ? ::malloc_usable_size(p) : 0); }

}  // namespace blip_test

#if defined(__SANITIZE_ADDRESS__)
#define BLIP_OWN_MALLOC 0
#elif defined(__has_feature)
#define BLIP_OWN_MALLOC !__has_feature(address_sanitizer)
#else
#define BLIP_OWN_MALLOC 1
#endif
#if BLIP_OWN_MALLOC
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);

void* malloc(std::size_t n) { return blip_test::count_block(__libc_malloc(n)); }
void* calloc(std::size_t n, std::size_t size) { return blip_test::count_block(__libc_calloc(n, size)); }
void* realloc(void* p, std::size_t n) {
  const auto before = static_cast<long long>(p ? ::malloc_usable_size(p) : 0);
  void* const moved = __libc_realloc(p, n);
  if (moved || n == 0) blip_test::live_bytes -= before;
  return blip_test::count_block(moved);
}
void free(void* p) {
  blip_test::forget_block(p);
  __libc_free(p);
}
void* memalign(std::size_t alignment, std::size_t n) { return blip_test::count_block(__libc_memalign(alignment, n)); }
void* aligned_alloc(std::size_t alignment, std::size_t n) { return memalign(alignment, n); }
int posix_memalign(void** p, std::size_t alignment, std::size_t n) {
  *p = memalign(alignment, n);
  return *p ? 0 : ENOMEM;
}
}
#endif
