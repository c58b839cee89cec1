// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip/core/error.hpp"

namespace blip::inline BLIP_ABI {

// Where the threads of an in_process run meet: every rank says what it wants and where its memory is; when all have, all
// work; when all are done, all go on. Nobody leaves while another may still read its memory, and nobody waits for one
// who will not come: when a rank has failed, has ended, asks for something else or lets the others wait for longer than
// `patience` seconds, all others throw distributed_error where they stand.
class meeting {
 public:
  struct wish {
    std::string_view what;
    std::size_t bytes;
    const void* in;
    void* out;
  };

  meeting(int ranks, double patience)
      : patience_(patience), wishes_(static_cast<std::size_t>(ranks)), present_(wishes_.size(), 0), ended_(wishes_.size(), 0),
        exceptions_(wishes_.size()) {}
  meeting(const meeting&) = delete;
  meeting& operator=(const meeting&) = delete;

  // Calls work(wishes of all, by rank) on every rank.
  template <class F>
  void meet(int rank, const wish& w, F&& work) {
    const auto r = static_cast<std::size_t>(rank);
    arrive(r, w);
    try {
      work(std::as_const(wishes_));
    } catch (...) {
      depart(r, false);
      throw;
    }
    depart(r, true);
  }

  // A rank is through with its work, or has failed; the first one that failed is the cause for all.
  void end(int rank) {
    const std::lock_guard<std::mutex> lock(mutex_);
    ended_[static_cast<std::size_t>(rank)] = 1;
    changed_.notify_all();
  }
  void fail(int rank, std::exception_ptr e) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto r = static_cast<std::size_t>(rank);
    ended_[r] = 1, exceptions_[r] = e;
    if (!failure_) {
      cause_ = r;
      failure_.emplace(error::facts{"in_process: rank " + std::to_string(rank) + " failed", {}, {}, first_line(e)});
    }
    changed_.notify_all();
  }
  // After all threads have ended: throws what the cause threw, if anything failed.
  void rethrow() const {
    if (failure_ && exceptions_[cause_]) std::rethrow_exception(exceptions_[cause_]);
    for (const std::exception_ptr& e : exceptions_)
      if (e) std::rethrow_exception(e);
  }

 private:
  using lock_type = std::unique_lock<std::mutex>;

  void arrive(std::size_t rank, const wish& w) {
    lock_type lock(mutex_);
    if (failure_) throw *failure_;
    wishes_[rank] = w, present_[rank] = 1;
    if (++arrived_ == wishes_.size()) {
      arrived_ = 0, ++meetings_;
      present_.assign(present_.size(), 0);
      compare(rank);
      changed_.notify_all();
      return;
    }
    const std::uint64_t number = meetings_;
    const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(patience_);
    while (meetings_ == number) {
      if (failure_) throw *failure_;
      if (const std::string gone = missing(true); !gone.empty()) give_up(rank, "all ranks", gone + " to have ended before");
      if (changed_.wait_until(lock, until) == std::cv_status::timeout && meetings_ == number && !failure_)
        give_up(rank, "all ranks within " + std::to_string(patience_) + " s", "nothing of " + missing(false));
    }
    if (differed_ == meetings_) throw *failure_;  // who came last has found it
  }

  void depart(std::size_t rank, bool done) {
    lock_type lock(mutex_);
    if (!done) spoilt_ = meetings_;
    if (!done && !failure_) {
      cause_ = rank;
      failure_.emplace(error::facts{
          "in_process: rank " + std::to_string(rank) + " failed in collective " + std::to_string(meetings_),
          {},
          {},
          {}});
    }
    const std::uint64_t number = departures_;
    if (++departed_ == wishes_.size()) {
      departed_ = 0, ++departures_;
      changed_.notify_all();
    } else {
      changed_.wait(lock, [&] { return departures_ != number; });
    }
    // What failed since is for the next meeting, or some ranks would take a step that others do not.
    if (done && spoilt_ == meetings_) throw *failure_;
  }

  void compare(std::size_t rank) {
    for (std::size_t r = 1; r < wishes_.size(); ++r) {
      const wish &a = wishes_[0], &b = wishes_[r];
      if (a.what == b.what && a.bytes == b.bytes) continue;
      const auto say = [](const wish& w) { return std::string(w.what) + " of " + std::to_string(w.bytes) + " bytes"; };
      differed_ = meetings_, cause_ = rank;
      failure_.emplace(error::facts{"in_process: collective " + std::to_string(meetings_), say(a) + " as on rank 0",
                                    say(b) + " on rank " + std::to_string(r),
                                    "all ranks need the same model and batch size and take the same steps"});
      changed_.notify_all();
      throw *failure_;
    }
  }
  [[noreturn]] void give_up(std::size_t rank, const std::string& expected, const std::string& actual) {
    cause_ = rank;
    failure_.emplace(
        error::facts{"in_process: " + std::string(wishes_[rank].what) + ", collective " + std::to_string(meetings_ + 1),
                     expected,
                     actual,
                     {}});
    changed_.notify_all();
    throw *failure_;
  }
  // The ranks that have not come: "rank 1, 3".
  std::string missing(bool ended) const {
    std::string names;
    for (std::size_t r = 0; r < present_.size(); ++r)
      if (!present_[r] && (!ended || ended_[r])) names += (names.empty() ? "rank " : ", ") + std::to_string(r);
    return names;
  }
  static std::string first_line(const std::exception_ptr& e) {
    try {
      std::rethrow_exception(e);
    } catch (const std::exception& x) {
      const std::string_view text = x.what();
      return std::string(text.substr(0, text.find('\n')));
    } catch (...) {
      return {};
    }
  }

  const double patience_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<wish> wishes_;
  std::vector<char> present_, ended_;
  std::vector<std::exception_ptr> exceptions_;
  std::size_t arrived_ = 0, departed_ = 0, cause_ = 0;
  std::uint64_t meetings_ = 0, departures_ = 0, differed_ = 0, spoilt_ = 0;
  std::optional<distributed_error> failure_;
};

}  // namespace blip::inline BLIP_ABI
