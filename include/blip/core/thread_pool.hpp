// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "blip/core/function_ref.hpp"
#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI {

// Workers that wait asleep and run one job at a time: what parallel_for uses where OpenMP is not compiled in. The
// thread sanitizer understands it, which it does not of an uninstrumented OpenMP.
class thread_pool {
 public:
  static thread_pool& shared() {
    static thread_pool pool;
    return pool;
  }

  // Calls job(worker) for worker = 0 ... workers - 1; the caller is worker 0. Jobs of several callers queue up.
  void run(int workers, function_ref<void(int)> job) {
    const std::lock_guard<std::mutex> one_at_a_time(caller_);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      while (static_cast<int>(threads_.size()) < workers - 1) {
        const int worker = static_cast<int>(threads_.size()) + 1;
        threads_.emplace_back([this, worker, seen = generation_] { work(worker, seen); });
      }
      job_ = &job;
      workers_ = workers;
      pending_ = workers - 1;
      ++generation_;
    }
    wake_.notify_all();
    job(0);
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [this] { return pending_ == 0; });
    job_ = nullptr;
  }

  thread_pool(const thread_pool&) = delete;
  thread_pool& operator=(const thread_pool&) = delete;

 private:
  thread_pool() = default;
  ~thread_pool() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (std::thread& t : threads_) t.join();
  }

  void work(int worker, unsigned long seen) {
    for (;;) {
      const function_ref<void(int)>* job = nullptr;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return stop_ || generation_ != seen; });
        if (stop_) return;
        seen = generation_;
        if (worker >= workers_) continue;
        job = job_;
      }
      (*job)(worker);
      const std::lock_guard<std::mutex> lock(mutex_);
      if (--pending_ == 0) done_.notify_one();
    }
  }

  std::mutex caller_, mutex_;
  std::condition_variable wake_, done_;
  std::vector<std::thread> threads_;
  const function_ref<void(int)>* job_ = nullptr;
  int workers_ = 0, pending_ = 0;
  unsigned long generation_ = 0;
  bool stop_ = false;
};

}  // namespace blip::inline BLIP_ABI
