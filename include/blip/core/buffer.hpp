// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "blip/core/backend.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

// Asks the kernel for large pages behind a block of host memory: a gigabyte is then 500 page faults instead of 250,000,
// which would take longer than reading as much from a file. What it answers does not matter.
inline void prefer_large_pages([[maybe_unused]] void* block, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(MADV_HUGEPAGE)
  constexpr std::uintptr_t page = std::uintptr_t{2} << 20;
  const auto begin = reinterpret_cast<std::uintptr_t>(block);
  const std::uintptr_t first = (begin + page - 1) / page * page, end = (begin + bytes) / page * page;
  if (end >= first + 8 * page) ::madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);
#endif
}

}  // namespace detail

// An owned array in back-end memory. Not copyable by accident: use `clone`.
template <backend B, class T>
class buffer {
  static_assert(std::is_trivially_copyable_v<T>, "blip::buffer: elements are copied as bytes");

 public:
  buffer() = default;
  explicit buffer(std::size_t size) : data_(static_cast<T*>(memory<B>::allocate(size * sizeof(T)))), size_(size) {
    if constexpr (requires { memory<B>::alignment; }) detail::prefer_large_pages(data_, bytes());  // host memory has one
  }
  explicit buffer(std::span<const T> host) : buffer(host.size()) { write(host); }
  buffer(buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  buffer& operator=(buffer&& other) noexcept {
    std::swap(data_, other.data_), std::swap(size_, other.size_);
    return *this;
  }
  ~buffer() { memory<B>::deallocate(data_, size_ * sizeof(T)); }

  static buffer zeros(std::size_t size) {
    buffer b(size);
    memory<B>::zero(b.data(), size * sizeof(T));
    return b;
  }
  buffer clone() const {
    buffer b(size_);
    memory<B>::copy(b.data_, data_, size_ * sizeof(T));
    return b;
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size() const { return size_; }
  std::size_t bytes() const { return size_ * sizeof(T); }

  // Host access copies; `host` must not be longer than what lies behind `first`.
  void write(std::span<const T> host, std::size_t first = 0) {
    memory<B>::copy_in(data_ + first, host.data(), host.size_bytes());
  }
  void read(std::span<T> host, std::size_t first = 0) const {
    memory<B>::copy_out(host.data(), data_ + first, host.size_bytes());
  }
  std::vector<T> to_host() const {
    std::vector<T> host(size_);
    read(host);
    return host;
  }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace blip::inline BLIP_ABI
