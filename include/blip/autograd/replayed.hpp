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
//   step(rows, [&] { return head.forward(t, tower.extend(t, ...)).ref(); }, [&](auto view) { ... copy out ... });
//
// body() gives a tensor; what it launches may depend on nothing but the key and what lies at fixed addresses of the back
// end. use(view) sees the result, which is gone afterwards. forget() is for when those addresses have changed.
template <backend B, bool Graphs = launch_graph<B>::available>
class replayed {
 public:
  explicit replayed(device<B>&) {}

  template <class Body, class Use>
  void operator()(int, Body&& body, Use&& use) {
    const tensor<B> y = body();
    use(matrix_view<const typename B::scalar>(y->value));
  }
  void forget() {}
};

template <backend B>
class replayed<B, true> {
 public:
  explicit replayed(device<B>& d) : device_(d) {}

  template <class Body, class Use>
  void operator()(int key, Body&& body, Use&& use) {
    pass& p = passes_[key];
    // Of its own, so that between two calls nobody else writes where the graph does.
    const typename device<B>::memory_guard own(device_, memory_);
    if (p.next == how::capture)
      p.next = p.graph.capture([&] { p.result = body()->value; }) ? how::replay : how::by_pieces;
    if (p.next == how::replay) {
      p.graph.replay();
      return use(p.result);
    }
    const tensor<B> y = body();
    if (p.next == how::first && device_.options().graphs) p.next = how::capture;
    use(matrix_view<const typename B::scalar>(y->value));
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
