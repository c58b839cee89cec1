// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "blip/core/buffer.hpp"
#include "goals/report.hpp"

namespace goals {

// Runs every workload on a back end for about `seconds` and adds the times to the results of those who counted the same
// ones in the same order. A sample takes two milliseconds at least, in as many runs as that needs, and ends when the
// device is done.
template <class B>
class timed {
 public:
  timed(typename B::options o, double seconds, std::vector<result>& results)
      : options_(o), seconds_(seconds), results_(results), something_(1) {}

  typename B::options options() const { return options_; }
  template <class F>
  void operator()(const char*, const std::string&, int, F&& body) {
    sample(body, 2);  // fills the pools and chooses algorithms
    const int runs = static_cast<int>(std::clamp(2.0 / sample(body, 1), 1.0, 1000.0));
    std::vector<double>& times = results_.at(next_++).milliseconds;
    double all = 0;
    while (times.size() < 3 || (all < 1e3 * seconds_ && times.size() < 100)) {
      times.push_back(sample(body, runs));
      all += times.back() * runs;
    }
  }
  void memory(const char*, const std::string&, std::size_t bytes) { results_.at(next_++).bytes = bytes; }

 private:
  // Milliseconds of one run.
  template <class F>
  double sample(F& body, int runs) {
    something_.to_host();  // waits for what was before
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < runs; ++i) body();
    something_.to_host();
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count() / runs;
  }

  typename B::options options_;
  double seconds_;
  std::vector<result>& results_;
  std::size_t next_ = 0;
  blip::buffer<B, int> something_;
};

}  // namespace goals
