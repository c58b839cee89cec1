// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "blip/core/error.hpp"

namespace blip::inline BLIP_ABI {

// Counts samples that could not be used, by cause, and stops a job in which they are more than a share of all: one
// broken picture in a million is no reason to stop, a wrong root folder is. Threads may share one. A cause is the kind of
// error and what was expected; a broken sample counts each time it comes up.
class skipped_samples {
 public:
  // Up to `share` of what was asked for, and never fewer than share of `at_least`, may be skipped.
  explicit skipped_samples(double share = 0.01, std::uint64_t at_least = 200) : share_(share), at_least_(at_least) {
    if (!(share >= 0 && share <= 1))
      throw config_error({"skipped_samples: share", "a number from 0 to 1", std::to_string(share), {}});
  }

  void use() {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++asked_;
  }
  // Counts one; throws format_error when they are too many.
  void skip(const error& e) {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++asked_, ++skipped_;
    std::string cause = name_of(e.code()) + (e.expected().empty() ? "" : ", expected " + e.expected());
    if (causes_.size() >= 64 && causes_.find(cause) == causes_.end()) cause = "others";
    ++causes_[cause];
    const auto of = static_cast<double>(std::max(asked_, at_least_));
    if (static_cast<double>(skipped_) <= share_ * of) return;
    std::array<char, 32> percent{};
    std::snprintf(percent.data(), percent.size(), "%g", share_ * 100);
    throw format_error({"samples that cannot be used", "at most " + std::string(percent.data()) + " % of them",
                        std::to_string(skipped_) + " of " + std::to_string(asked_), "the last one: " + e.where()});
  }

  std::uint64_t asked() const { return locked(asked_); }
  std::uint64_t skipped() const { return locked(skipped_); }
  std::map<std::string, std::uint64_t> causes() const { return locked(causes_); }

 private:
  template <class V>
  V locked(const V& value) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return value;
  }
  static std::string name_of(error_code code) {
    constexpr std::array<const char*, 9> names{"shape",   "config", "format",      "limit",     "io",
                                               "numeric", "device", "distributed", "not placed"};
    return names[static_cast<std::size_t>(code)];
  }

  double share_;
  std::uint64_t at_least_, asked_ = 0, skipped_ = 0;
  std::map<std::string, std::uint64_t> causes_;
  mutable std::mutex mutex_;
};

}  // namespace blip::inline BLIP_ABI
