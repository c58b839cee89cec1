// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <utility>

#include "blip/core/device.hpp"
#include "blip/core/matrix_view.hpp"

namespace blip::inline BLIP_ABI {

// How to compute a value again that was handed back. Lives in the device's pool of records.
template <backend B>
struct recipe {
  void (*make)(recipe&, device<B>&, matrix_view<typename B::scalar>);
  void (*destroy)(recipe&);
  std::size_t bytes;
};

// A matrix on the tape: its value, its gradient once one arrives, and who still needs which. The value is handed back
// when the last `tensor` goes, the rest when the last `sink` goes; memory comes from the device's pools.
template <backend B>
struct node {
  using scalar = typename B::scalar;

  matrix_view<scalar> value;
  scalar* gradient = nullptr;
  node* base = nullptr;  // whose value this one shows (stop_gradient, row_range)
  device<B>* home = nullptr;
  recipe<B>* again = nullptr;  // for values that are cheaper to compute again than to keep
  int values = 0;   // tensors that point here
  int holders = 0;  // tensors and sinks that point here
  bool owns_value = false;
  bool needs_gradient = false;
  bool touched = false;  // something was added to the gradient

  std::size_t bytes() const {
    return static_cast<std::size_t>(value.rows) * static_cast<std::size_t>(value.width) * sizeof(scalar);
  }

  void add_user() { ++values, ++holders; }
  void drop_user() {
    if (--values == 0) {
      if (owns_value) home->tensors().give(value.data, bytes());
      owns_value = false;
      if (base) std::exchange(base, nullptr)->drop_user();
    }
    drop_holder();
  }
  void add_holder() { ++holders; }
  void drop_holder() {
    if (--holders > 0) return;
    if (gradient) home->tensors().give(gradient, bytes());
    if (again) {
      const std::size_t size = again->bytes;
      again->destroy(*again);
      home->records().give(again, size);
    }
    home->records().give(this, sizeof(node));
  }
};

// A counted reference to a node. Of `Value` true it keeps the value alive, else only the gradient's place.
template <backend B, bool Value>
class node_ref {
 public:
  node_ref() = default;
  explicit node_ref(node<B>* n) : node_(n) { acquire(); }
  node_ref(const node_ref& other) : node_ref(other.node_) {}
  node_ref(node_ref&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  node_ref& operator=(node_ref other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~node_ref() { release(); }

  node<B>* get() const { return node_; }
  node<B>* operator->() const { return node_; }
  explicit operator bool() const { return node_ != nullptr; }

 private:
  void acquire() {
    if (node_) Value ? node_->add_user() : node_->add_holder();
  }
  void release() {
    if (node_) Value ? node_->drop_user() : node_->drop_holder();
  }

  node<B>* node_ = nullptr;
};

// A matrix of run-time shape: what ops compute on. var and scores put types around it.
template <backend B>
using tensor = node_ref<B, true>;

// Where a pullback sends a gradient; keeps no value alive.
template <backend B>
using sink = node_ref<B, false>;

// What a pullback keeps of an op's input: its value, or no more than its place if it can be computed again. Ops whose
// pullbacks read an input keep it as one of these; tape::value_of gives the value.
template <backend B>
class kept {
 public:
  kept(const tensor<B>& x) : place_(x.get()) {  // NOLINT(google-explicit-constructor): stands for the tensor
    if (!x->again) value_ = x;
  }

  // Empty when it has to be computed again.
  tensor<B> value() const { return value_ || place_->values == 0 ? value_ : tensor<B>(place_.get()); }
  node<B>& of() const { return *place_.get(); }

 private:
  tensor<B> value_;
  sink<B> place_;
};

// The sink of a tensor, or none when nobody wants its gradient.
template <backend B>
sink<B> sink_of(const tensor<B>& x) {
  return x && x->needs_gradient ? sink<B>(x.get()) : sink<B>();
}

}  // namespace blip::inline BLIP_ABI
