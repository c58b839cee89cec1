// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "blip/core/version.hpp"

#if defined(__SANITIZE_ADDRESS__)
#define BLIP_POOL_GUARDED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BLIP_POOL_GUARDED
#endif
#endif
#if defined(BLIP_POOL_GUARDED)
#include <sanitizer/asan_interface.h>
#endif

namespace blip::inline BLIP_ABI {

// Memory that is handed out again instead of being returned: after a few equal steps nothing is allocated any more.
// Small blocks come in eight sizes per power of two. Large ones are cut from slabs, each from the smallest free part
// that it fits into, and grow together again with what is free beside them: where steps repeat, hardly more is held
// than was in use at once. Not for use by several threads.
template <class Memory>
class pool {
 public:
  // With the address sanitizer what is in the pool is nobody's until it is handed out, and then no more of it than was
  // asked for; unless it is written to while it waits there, as what a graph replays does: then not `guarded`.
  explicit pool([[maybe_unused]] bool guarded = true) {
#if defined(BLIP_POOL_GUARDED)
    guarded_ = guarded;
#endif
  }
  pool(const pool&) = delete;
  pool& operator=(const pool&) = delete;
  ~pool() {
    for (const part& b : owned_) open(b.data, b.bytes), Memory::deallocate(b.data, b.bytes);
  }

  void* take(std::size_t bytes) {
    void* const p = bytes >= large ? cut(multiple(bytes)) : take_small(bytes);
    open(p, bytes);
    return p;
  }

  void give(void* p, std::size_t bytes) {
    close(p, bytes);
    if (bytes >= large) return join({static_cast<std::byte*>(p), multiple(bytes)});
    const auto [bin, size] = round(bytes);
    in_use_ -= size;
    free_[bin].push_back(p);
  }

  std::size_t bytes_held() const { return held_; }
  std::size_t bytes_in_use() const { return in_use_; }
  std::size_t bytes_peak() const { return peak_; }

 private:
  static constexpr std::size_t large = std::size_t{1} << 18, slab = std::size_t{1} << 25;

  struct part {
    std::byte* data;
    std::size_t bytes;
    std::byte* end() const { return data + bytes; }
  };
  static bool before(const part& a, const part& b) { return std::less<>()(a.data, b.data); }

#if defined(BLIP_POOL_GUARDED)
  void open(const void* p, std::size_t bytes) const { __asan_unpoison_memory_region(p, bytes); }
  void close(const void* p, std::size_t bytes) const {
    if (guarded_) __asan_poison_memory_region(p, bytes);
  }
  bool guarded_ = true;
#else
  static void open(const void*, std::size_t) {}
  static void close(const void*, std::size_t) {}
#endif

  void* take_small(std::size_t bytes) {
    const auto [bin, size] = round(bytes);
    use(size);
    if (free_[bin].empty()) return allocate(size);
    void* p = free_[bin].back();
    free_[bin].pop_back();
    return p;
  }

  void* allocate(std::size_t bytes) {
    const part b{static_cast<std::byte*>(Memory::allocate(bytes)), bytes};
    owned_.insert(std::upper_bound(owned_.begin(), owned_.end(), b, before), b);
    held_ += bytes;
    close(b.data, bytes);
    return b.data;
  }

  void* cut(std::size_t bytes) {
    use(bytes);
    auto best = parts_.end();
    for (auto p = parts_.begin(); p != parts_.end(); ++p)
      if (p->bytes >= bytes && (best == parts_.end() || p->bytes < best->bytes)) best = p;
    if (best == parts_.end()) {
      const std::size_t size = std::max(bytes, std::min(slab, multiple(held_ / 4)));
      const part whole{static_cast<std::byte*>(allocate(size)), size};
      best = parts_.insert(std::upper_bound(parts_.begin(), parts_.end(), whole, before), whole);
    }
    void* const p = best->data;
    best->data += bytes, best->bytes -= bytes;
    if (best->bytes == 0) parts_.erase(best);
    return p;
  }

  void join(part p) {
    in_use_ -= p.bytes;
    const auto touch = [&](const part& a, const part& b) {  // never across slabs
      return a.end() == b.data && !std::binary_search(owned_.begin(), owned_.end(), b, before);
    };
    auto next = std::upper_bound(parts_.begin(), parts_.end(), p, before);
    if (next != parts_.begin() && touch(next[-1], p)) {
      --next;
      p = {next->data, next->bytes + p.bytes};
      next = parts_.erase(next);
    }
    if (next != parts_.end() && touch(p, *next))
      *next = {p.data, p.bytes + next->bytes};
    else
      parts_.insert(next, p);
  }

  void use(std::size_t size) {
    in_use_ += size;
    peak_ = std::max(peak_, in_use_);
  }

  // As devices allocate: no block is worse aligned than memory of its own.
  static std::size_t multiple(std::size_t bytes) { return (bytes + 255) / 256 * 256; }

  // Bin number and rounded size: a multiple of 64 with at most three significant bits behind the first.
  static std::pair<std::size_t, std::size_t> round(std::size_t bytes) {
    const std::size_t units = bytes == 0 ? 1 : (bytes + 63) / 64;
    if (units <= 8) return {units, units * 64};
    const auto shift = static_cast<std::size_t>(std::bit_width(units - 1)) - 4;  // keeps four bits
    const std::size_t top = ((units - 1) >> shift) + 1;                          // 9 ... 16
    return {shift * 8 + top, (top << shift) * 64};
  }

  std::array<std::vector<void*>, 128> free_{};  // small blocks by bin
  std::vector<part> owned_, parts_;             // what was allocated, what of slabs is free; by address
  std::size_t held_ = 0, in_use_ = 0, peak_ = 0;
};

}  // namespace blip::inline BLIP_ABI
