// SPDX-License-Identifier: Apache-2.0
#include "support/simt/traffic.hpp"

#include <cstddef>
#include <unordered_set>
#include <utility>

#include "support/simt/simt.hpp"

namespace simt {

namespace {

constexpr std::uintptr_t sector = 32;

// The sectors that one block, or one launch, has touched.
struct touched {
  std::uint64_t number = 0;
  std::unordered_set<std::uintptr_t> loaded{}, stored{};

  bool is_new(std::uint64_t n, std::uintptr_t s, bool stores) {
    if (std::exchange(number, n) != n) loaded.clear(), stored.clear();
    return (stores ? stored : loaded).insert(s).second;
  }
};
struct counter {
  traffic sum;
  touched block, launch;
};
counter& here() {
  static thread_local counter one;
  return one;
}

void touch(const void* p, std::size_t bytes, bool stores) {
  const std::uint64_t block = running_block();
  if (block == 0 || !is_device_memory(p)) return;
  counter& c = here();
  c.sum.asked += bytes;
  const auto begin = reinterpret_cast<std::uintptr_t>(p);
  for (std::uintptr_t s = begin / sector; s * sector < begin + bytes; ++s) {
    if (!c.block.is_new(block, s, stores)) continue;
    c.sum.of_blocks += sector;
    if (c.launch.is_new(work_done().launches, s, stores)) c.sum.of_launches += sector;
  }
}

}  // namespace

const traffic& memory_traffic() { return here().sum; }
void reset_traffic() { here() = {}; }

}  // namespace simt

// What the compiler calls.
extern "C" {
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
#define BLIP_TOUCH(bytes)                                                        \
  void __tsan_read##bytes(void* p) { simt::touch(p, bytes, false); }             \
  void __tsan_write##bytes(void* p) { simt::touch(p, bytes, true); }             \
  void __tsan_unaligned_read##bytes(void* p) { simt::touch(p, bytes, false); }   \
  void __tsan_unaligned_write##bytes(void* p) { simt::touch(p, bytes, true); }
BLIP_TOUCH(1)
BLIP_TOUCH(2)
BLIP_TOUCH(4)
BLIP_TOUCH(8)
BLIP_TOUCH(16)
#undef BLIP_TOUCH
void __tsan_read_range(void* p, std::size_t bytes) { simt::touch(p, bytes, false); }
void __tsan_write_range(void* p, std::size_t bytes) { simt::touch(p, bytes, true); }
unsigned char __tsan_atomic8_load(const volatile unsigned char* p, int) { return *p; }
}
