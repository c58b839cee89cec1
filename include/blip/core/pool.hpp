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

namespace blip::inline BLIP_ABI {

// Memory that is handed out again instead of being returned: after a few equal steps nothing is allocated any more.
// Blocks come in eight sizes per power of two, so at most an eighth is lost. Not for use by several threads.
template <class Memory>
class pool {
 public:
  pool() = default;
  pool(const pool&) = delete;
  pool& operator=(const pool&) = delete;
  ~pool() {
    for (const block& b : owned_) Memory::deallocate(b.data, b.bytes);
  }

  void* take(std::size_t bytes) {
    const auto [bin, size] = round(bytes);
    // A large block may serve for half its size rather than lie idle.
    for (std::size_t b = bin; b < std::min(bin + (size >= large ? 9 : 1), free_.size()); ++b)
      if (!free_[b].empty()) {
        void* p = free_[b].back();
        free_[b].pop_back();
        use(size);
        return p;
      }
    void* p = Memory::allocate(size);
    held_ += size;
    owned_.insert(place(p), block{p, size, bin});
    use(size);
    return p;
  }

  void give(void* p, std::size_t bytes) {
    const auto [bin, size] = round(bytes);
    in_use_ -= size;
    free_[size >= large ? place(p)->bin : bin].push_back(p);
  }

  std::size_t bytes_held() const { return held_; }
  std::size_t bytes_in_use() const { return in_use_; }
  std::size_t bytes_peak() const { return peak_; }

 private:
  static constexpr std::size_t large = std::size_t{1} << 18;

  struct block {
    void* data;
    std::size_t bytes, bin;
  };
  // Where the block at p is, or belongs, in the list that its address orders.
  typename std::vector<block>::iterator place(void* p) {
    return std::lower_bound(owned_.begin(), owned_.end(), p,
                            [](const block& b, void* q) { return std::less<>()(b.data, q); });
  }
  void use(std::size_t size) {
    in_use_ += size;
    peak_ = std::max(peak_, in_use_);
  }

  // Bin number and rounded size: a multiple of 64 with at most three significant bits behind the first.
  static std::pair<std::size_t, std::size_t> round(std::size_t bytes) {
    const std::size_t units = bytes == 0 ? 1 : (bytes + 63) / 64;
    if (units <= 8) return {units, units * 64};
    const auto shift = static_cast<std::size_t>(std::bit_width(units - 1)) - 4;  // keeps four bits
    const std::size_t top = ((units - 1) >> shift) + 1;                          // 9 ... 16
    return {shift * 8 + top, (top << shift) * 64};
  }

  std::array<std::vector<void*>, 400> free_{};
  std::vector<block> owned_;
  std::size_t held_ = 0, in_use_ = 0, peak_ = 0;
};

}  // namespace blip::inline BLIP_ABI
