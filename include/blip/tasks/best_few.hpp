// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI {

// The `size` highest of scores that come one by one; of equal ones the lower numbers.
class best_few {
 public:
  struct entry {
    int number;
    double score;
  };

  explicit best_few(std::size_t size) : size_(size) {}

  void add(int number, double score) {
    const entry e{number, score};
    if (heap_.size() == size_) {
      if (heap_.empty() || !before(e, heap_.front())) return;
      std::pop_heap(heap_.begin(), heap_.end(), before);
      heap_.pop_back();
    }
    heap_.push_back(e);
    std::push_heap(heap_.begin(), heap_.end(), before);
  }
  // Best first.
  std::vector<entry> sorted() const {
    std::vector<entry> all = heap_;
    std::sort_heap(all.begin(), all.end(), before);
    return all;
  }

 private:
  static bool before(const entry& a, const entry& b) {
    return a.score > b.score || (a.score == b.score && a.number < b.number);
  }

  std::size_t size_;
  std::vector<entry> heap_;  // the worst one on top
};

}  // namespace blip::inline BLIP_ABI
