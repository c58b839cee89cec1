// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "blip/train/file_operations.hpp"

namespace blip_test {

// The system's files without waiting for the disk: what syncing is for is lossy_disk's concern.
struct unsynced_files : blip::posix_files {
  int sync(int) { return 0; }
};

// Those with one fault, at the k-th operation of all.
struct faulty_files {
  enum class fault { none, die, fail, interrupt, half, half_then_full, no_progress, flip };
  struct plan {
    fault what = fault::none;
    long at = 0;
    int error = 0;
    long done = 0;
    bool full = false, hit = false;
    std::set<int> only_read{};
  };
  std::shared_ptr<plan> shared = std::make_shared<plan>();
  unsynced_files real{};

  int open(const char* p, int flags) {
    const int f = around([&] { return real.open(p, flags); }, true);
    if (f >= 0 && (flags & O_ACCMODE) == O_RDONLY) shared->only_read.insert(f);
    return f;
  }
  ssize_t read(int f, void* to, std::size_t n) {
    return around([&] { return real.read(f, to, halved(n)); }, true);
  }
  ssize_t write(int f, const void* from, std::size_t n) {
    if (shared->full) return errno = ENOSPC, -1;
    return around(
        [&]() -> ssize_t {
          const bool nothing = now(fault::no_progress), flipped = now(fault::flip);
          shared->hit |= nothing || flipped;
          if (nothing) return errno = 0, 0;
          if (!flipped) return real.write(f, from, halved(n));
          std::string wrong(static_cast<const char*>(from), n);  // what a broken disk or memory makes of it
          wrong[n / 2] = static_cast<char>(wrong[n / 2] ^ 16);
          return real.write(f, wrong.data(), n);
        },
        true);
  }
  int sync(int f) {
    return around([&] { return real.sync(f); }, true);
  }
  int lock(int f) {
    return around([&] { return real.lock(f); }, true);
  }
  int rename(const char* a, const char* b) {
    return around([&] { return real.rename(a, b); });
  }
  int make_folder(const char* p) {
    return around([&] { return real.make_folder(p); });
  }
  int remove(const char* p) {
    return around([&] { return real.remove(p); });
  }
  int list(const char* p, std::vector<std::string>& names) {
    return around([&] { return real.list(p, names); });
  }
  int close(int f) {  // gives the descriptor back even where it reports a failure, as the system does
    const int r = real.close(f);
    if (shared->only_read.erase(f) == 1 && shared->what == fault::fail) return r;  // nothing can be lost there
    return around([&] { return r; }, true);
  }

 private:
  bool now(fault f) const { return shared->what == f && shared->done == shared->at; }
  std::size_t halved(std::size_t n) {
    if (n < 2 || !(now(fault::half) || now(fault::half_then_full))) return n;
    shared->hit |= true, shared->full = now(fault::half_then_full);
    return n / 2;
  }

  template <class F>
  auto around(F call, bool interruptible = false) -> decltype(call()) {
    ++shared->done;
    if (now(fault::fail)) return shared->hit = true, errno = shared->error, -1;
    if (now(fault::interrupt) && interruptible) return errno = EINTR, -1;
    const auto r = call();
    if (now(fault::die)) ::_exit(42);
    return r;
  }
};

}  // namespace blip_test
