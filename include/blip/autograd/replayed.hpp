// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>

#include "blip/autograd/tensor.hpp"
#include "blip/core/launch_graph.hpp"

namespace blip::inline BLIP_ABI {

// A pass that is made again and again. Where the back end has graphs it is launched piece by piece once for each key,
// which takes the memory that it needs, captured the second time, and replayed with one call from then on.
//
//   replayed<B> step(device);
//   matrix_view<const scalar> y = step(rows, [&] { return head.forward(t, tower.extend(t, ...)).ref(); });
//
// body() gives a tensor; what it launches may depend on nothing but the key and what lies at fixed addresses of the back
// end. The result stays until the next call. forget() is for when those addresses have changed.
template <backend B, bool Graphs = launch_graph<B>::available>
class replayed {
 public:
  explicit replayed(device<B>&) {}

  template <class Body>
  matrix_view<const typename B::scalar> operator()(int, Body&& body) {
    result_ = {};
    result_ = body();
    return result_->value;
  }
  void forget() { result_ = {}; }

 private:
  tensor<B> result_;
};

template <backend B>
class replayed<B, true> {
 public:
  explicit replayed(device<B>& d) : device_(d) {}

  template <class Body>
  matrix_view<const typename B::scalar> operator()(int key, Body&& body) {
    pass& p = passes_[key];
    // Of its own, so that between two calls nobody else writes where the graph does, or where the result is.
    const typename device<B>::memory_guard own(device_, memory_);
    if (p.next == how::capture)
      p.next = p.graph.capture([&] { p.result = body()->value; }) ? how::replay : how::by_pieces;
    if (p.next == how::replay) {
      p.graph.replay();
      return p.result;
    }
    if (p.next == how::first && device_.options().graphs) p.next = how::capture;
    return body()->value;
  }
  void forget() { passes_.clear(); }

 private:
  enum class how { first, capture, replay, by_pieces };
  struct pass {
    how next = how::first;
    launch_graph<B> graph{};
    matrix_view<const typename B::scalar> result{};
  };

  device<B>& device_;
  pool<memory<B>> memory_{false};
  std::map<int, pass> passes_;
};

}  // namespace blip::inline BLIP_ABI
