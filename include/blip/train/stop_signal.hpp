// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <signal.h>

#include <array>
#include <atomic>
#include <cerrno>

#include "blip/core/error.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

inline std::atomic<int> stop_requested{0};
inline std::atomic<bool> stop_watched{false};
static_assert(std::atomic<int>::is_always_lock_free, "blip::stop_signal: a signal handler may not wait for a lock");

// Only what POSIX allows in a handler.
inline void on_stop_signal(int number) {
  const int before = errno;
  int none = 0;
  if (!stop_requested.compare_exchange_strong(none, number)) {
    struct sigaction by_default {};
    by_default.sa_handler = SIG_DFL;
    ::sigaction(number, &by_default, nullptr);
    ::raise(number);  // arrives when this handler returns
  }
  errno = before;
}

}  // namespace detail

// While it lives, the first SIGTERM or SIGINT only sets a flag, so that a run can save and end in order; the second
// does what it does by default. Signals that were ignored (nohup, background jobs) stay so. One at a time: a second one
// throws config_error.
class stop_signal {
 public:
  stop_signal() {
    if (detail::stop_watched.exchange(true))
      throw config_error({"stop_signal: objects at a time", "1", "2", "pass the one there is"});
    detail::stop_requested = 0;
    struct sigaction ours {};
    ours.sa_handler = detail::on_stop_signal;
    ours.sa_flags = SA_RESTART;
    ::sigemptyset(&ours.sa_mask);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      ::sigaction(numbers[i], nullptr, &before_[i]);
      if (before_[i].sa_handler != SIG_IGN) ::sigaction(numbers[i], &ours, nullptr);
    }
  }
  stop_signal(const stop_signal&) = delete;
  stop_signal& operator=(const stop_signal&) = delete;
  ~stop_signal() {
    for (std::size_t i = 0; i < numbers.size(); ++i) ::sigaction(numbers[i], &before_[i], nullptr);
    detail::stop_watched = false;
  }

  bool requested() const { return number() != 0; }
  int number() const { return detail::stop_requested; }  // of the signal that came, or 0

 private:
  static constexpr std::array<int, 2> numbers{SIGTERM, SIGINT};
  std::array<struct sigaction, 2> before_{};
};

}  // namespace blip::inline BLIP_ABI
