// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <new>
#include <utility>

#include "blip/autograd/var.hpp"

namespace blip::inline BLIP_ABI {

// A fixed number of matrices of one width, one per layer of a tower. Its memory comes from the device, so that making
// one in every step allocates nothing.
template <class T, int W>
class var_list {
 public:
  using value_type = var<T, W>;
  using backend_type = typename T::backend_type;

  var_list() = default;
  var_list(device<backend_type>& d, int size) : device_(&d), size_(size) {
    data_ = static_cast<value_type*>(d.records().take(bytes()));
    for (int i = 0; i < size; ++i) new (data_ + i) value_type();
  }
  var_list(const var_list& other) : device_(other.device_), size_(other.size_) {
    if (!device_) return;
    data_ = static_cast<value_type*>(device_->records().take(bytes()));
    for (int i = 0; i < size_; ++i) new (data_ + i) value_type(other.data_[i]);
  }
  var_list(var_list&& other) noexcept
      : device_(std::exchange(other.device_, nullptr)),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  var_list& operator=(var_list other) noexcept {
    std::swap(device_, other.device_), std::swap(data_, other.data_), std::swap(size_, other.size_);
    return *this;
  }
  ~var_list() {
    if (!device_) return;
    for (int i = 0; i < size_; ++i) data_[i].~value_type();
    device_->records().give(data_, bytes());
  }

  int size() const { return size_; }
  value_type& operator[](int i) { return data_[i]; }
  const value_type& operator[](int i) const { return data_[i]; }

 private:
  std::size_t bytes() const { return static_cast<std::size_t>(size_) * sizeof(value_type); }

  device<backend_type>* device_ = nullptr;
  value_type* data_ = nullptr;
  int size_ = 0;
};

}  // namespace blip::inline BLIP_ABI
