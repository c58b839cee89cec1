// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "blip/core/error.hpp"

namespace blip::inline BLIP_ABI {

struct prefetch_options {
  int threads = 1;        // 0: made by next() itself
  std::size_t ahead = 4;  // how many items may be ready or in the making
};

// Makes items ahead of time, in threads of its own, and hands them out in order: next() gives make(first), make(first + 1)
// and so on, whatever the number of threads. What make throws comes out of next() at its place, and the items behind it
// follow. `make` is called by several threads at once. Throws config_error.
template <class T>
class prefetch {
 public:
  prefetch(std::function<T(std::uint64_t)> make, std::uint64_t first = 0, prefetch_options o = {})
      : make_(std::move(make)), next_(first), ticket_(first) {
    if (o.threads < 0 || o.threads > 256 || o.ahead < 1)
      throw config_error({"prefetch", "0 to 256 threads, at least one item ahead",
                          std::to_string(o.threads) + " threads, " + std::to_string(o.ahead) + " items", {}});
    slots_.resize(o.ahead);
    try {
      for (int i = 0; i < o.threads; ++i) threads_.emplace_back([this] { work(); });
    } catch (...) {
      stop();
      throw;
    }
  }
  prefetch(const prefetch&) = delete;
  prefetch& operator=(const prefetch&) = delete;
  ~prefetch() { stop(); }

  // The number of the item that next() gives: what a checkpoint holds.
  std::uint64_t position() const { return next_; }

  T next() {
    if (threads_.empty()) return make_(next_++);
    slot ready;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      slot& s = slots_[next_ % slots_.size()];
      made_.wait(lock, [&] { return s.item || s.failure; });
      ready = std::exchange(s, {});
      ++next_;
    }
    room_.notify_all();
    if (ready.failure) std::rethrow_exception(ready.failure);
    return std::move(*ready.item);
  }

 private:
  struct slot {
    std::optional<T> item;
    std::exception_ptr failure;
  };

  void work() {
    for (;;) {
      std::uint64_t mine = 0;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        room_.wait(lock, [&] { return stop_ || ticket_ < next_ + slots_.size(); });
        if (stop_) return;
        mine = ticket_++;
      }
      slot made;
      try {
        made.item.emplace(make_(mine));
      } catch (...) {
        made.failure = std::current_exception();
      }
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        slots_[mine % slots_.size()] = std::move(made);
      }
      made_.notify_one();
    }
  }
  void stop() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
    }
    room_.notify_all();
    for (std::thread& t : threads_) t.join();
    threads_.clear();
  }

  std::function<T(std::uint64_t)> make_;
  std::uint64_t next_, ticket_;  // of next(), and of the next item to begin
  std::vector<slot> slots_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable room_, made_;
  bool stop_ = false;
};

}  // namespace blip::inline BLIP_ABI
