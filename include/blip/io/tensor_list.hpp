// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI {

// Tensors in the order of their file, each name once. T has a `name`.
template <class T>
class tensor_list {
 public:
  // False, and nothing changes, when the name is there already.
  bool add(T t) {
    if (!index_.emplace(t.name, all_.size()).second) return false;
    all_.push_back(std::move(t));
    return true;
  }

  const std::vector<T>& all() const { return all_; }
  const T* find(std::string_view name) const {
    const auto at = index_.find(std::string(name));
    return at == index_.end() ? nullptr : &all_[at->second];
  }

 private:
  std::vector<T> all_;
  std::unordered_map<std::string, std::size_t> index_;
};

}  // namespace blip::inline BLIP_ABI
