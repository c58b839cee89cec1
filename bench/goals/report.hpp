// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "goals/listed.hpp"

// What is known about each workload, as a table and as JSON.
namespace goals {

struct result {
  std::string goal, what;
  int items = 0;
  op_list list;
  std::size_t bytes = 0;             // held, for a workload that is about memory
  std::vector<double> milliseconds;  // of each run on a GPU
};

inline double median(std::vector<double> x) {
  std::sort(x.begin(), x.end());
  return x[x.size() / 2];
}
inline double arithmetic_ms(const cost& c) { return 1e3 * c.packed / flop_per_second; }
inline double memory_ms(const cost& c) { return 1e3 * (c.read + c.written) / bytes_per_second; }

// How many launches a decode step of one picture may take.
inline constexpr int most_step_launches = 120;

std::string markdown(const std::vector<result>& results);
// What a decode step takes, and its bound.
std::string decode_step_text(const cost& step);
// `device`: where milliseconds are from; empty: nowhere.
std::string json(const std::vector<result>& results, const std::string& size, const std::string& device);

}  // namespace goals
