// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <utility>

#include "blip/autograd/tape.hpp"

namespace blip::inline BLIP_ABI::ops {

// Integers in back-end memory from the device's pool: what sampling within a step writes and later ops read.
template <class B>
class int_array {
 public:
  int_array(device<B>& d, int size)
      : device_(&d), bytes_(static_cast<std::size_t>(size) * sizeof(int)), data_(static_cast<int*>(d.tensors().take(bytes_))) {}
  int_array(int_array&& other) noexcept
      : device_(other.device_), bytes_(other.bytes_), data_(std::exchange(other.data_, nullptr)) {}
  int_array& operator=(int_array&&) = delete;
  ~int_array() {
    if (data_) device_->tensors().give(data_, bytes_);
  }

  int* data() const { return data_; }

 private:
  device<B>* device_;
  std::size_t bytes_;
  int* data_;
};

// `size` integers that live as long as the tape's record of what follows.
template <class T>
int* kept_ints(T& t, int size) {
  int_array<typename T::backend_type> a(t.device(), size);
  int* const data = a.data();
  t.keep(std::move(a));
  return data;
}

}  // namespace blip::inline BLIP_ABI::ops
