// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "goals/report.hpp"

namespace goals {

// Runs every workload once on a back end that lists what its kernels cost.
template <class Inner>
class counted {
 public:
  using B = listed<Inner>;

  explicit counted(typename Inner::options o = {}, blip::precision products = blip::precision::bf16)
      : inner_(o), products_(products) {}

  typename B::options options() { return {&list_, &inner_, products_}; }
  template <class F>
  void operator()(const char* goal, std::string what, int items, F&& body) {
    list_ = {};
    body();
    results.push_back({goal, std::move(what), items, list_, 0, {}});
  }
  void memory(const char* goal, std::string what, std::size_t bytes) {
    results.push_back({goal, std::move(what), 0, {}, bytes, {}});
  }

  std::vector<result> results;

 private:
  op_list list_;
  blip::device<Inner> inner_;
  blip::precision products_;
};

}  // namespace goals
