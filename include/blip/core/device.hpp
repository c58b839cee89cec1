// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "blip/core/backend.hpp"
#include "blip/core/buffer.hpp"
#include "blip/core/pool.hpp"

namespace blip::inline BLIP_ABI {

struct host_memory {
  static void* allocate(std::size_t bytes) { return ::operator new(bytes); }
  static void deallocate(void* p, std::size_t) noexcept { ::operator delete(p); }
};

// What a back end keeps between calls (library handles, prepared primitives). Kernels own its meaning.
struct engine_state {
  virtual ~engine_state() = default;
};

// Where the work of one thread of control runs: its memory, its options, the number of the step. Several threads share
// one const model, each with a device of its own.
template <class B>
class device {
  static_assert(detail::back_end_rules<B>());

 public:
  using scalar = typename B::scalar;

  explicit device(typename B::options options = {})
      : options_(options), step_(buffer<B, std::uint64_t>::zeros(1)), one_(1) {
    const scalar one(1);
    one_.write(std::span<const scalar>(&one, 1));
  }
  device(const device&) = delete;
  device& operator=(const device&) = delete;

  const typename B::options& options() const { return options_; }
  pool<memory<B>>& tensors() { return *tensors_; }
  pool<host_memory>& records() { return records_; }
  std::unique_ptr<engine_state>& engine() { return engine_; }

  // The step number is part of every random address; it lives in back-end memory so that a captured graph can be replayed.
  void set_step(std::uint64_t step) { step_.write(std::span<const std::uint64_t>(&step, 1)); }
  const std::uint64_t* step() const { return step_.data(); }
  const scalar* one() const { return one_.data(); }  // the gradient of a loss with respect to itself

  // While it lives, tensors come from another pool, and what goes out of use goes there.
  class memory_guard {
   public:
    memory_guard(device& d, pool<memory<B>>& p) : device_(d), before_(std::exchange(d.tensors_, &p)) {}
    memory_guard(const memory_guard&) = delete;
    memory_guard& operator=(const memory_guard&) = delete;
    ~memory_guard() { device_.tensors_ = before_; }

   private:
    device& device_;
    pool<memory<B>>* before_;
  };

 private:
  typename B::options options_;
  pool<memory<B>> own_tensors_;
  pool<memory<B>>* tensors_ = &own_tensors_;
  pool<host_memory> records_;
  std::unique_ptr<engine_state> engine_;
  buffer<B, std::uint64_t> step_;
  buffer<B, scalar> one_;
};

// Memory of one kernel call, handed back at its end.
template <backend B, class T>
class scratch {
 public:
  scratch(device<B>& d, std::size_t size)
      : device_(d), bytes_(size * sizeof(T)), data_(static_cast<T*>(d.tensors().take(bytes_))) {}
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  ~scratch() { device_.tensors().give(data_, bytes_); }

  T* data() const { return data_; }
  T& operator[](std::size_t i) const { return data_[i]; }

 private:
  device<B>& device_;
  std::size_t bytes_;
  T* data_;
};

}  // namespace blip::inline BLIP_ABI
