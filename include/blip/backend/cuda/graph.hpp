// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "blip/backend/cuda/memory.hpp"
#include "blip/core/launch_graph.hpp"

namespace blip::inline BLIP_ABI {

extern "C" {
void blip_cuda_begin_capture();
void* blip_cuda_end_capture();  // null when it failed, or something that was asked for cannot be captured
void blip_cuda_replay(void* graph);
void blip_cuda_forget(void* graph);
}

// A CUDA graph of what one thread launches.
template <>
class launch_graph<cuda> {
 public:
  static constexpr bool available = true;

  launch_graph() = default;
  launch_graph(launch_graph&& other) noexcept : graph_(std::exchange(other.graph_, nullptr)) {}
  launch_graph& operator=(launch_graph other) noexcept {
    std::swap(graph_, other.graph_);
    return *this;
  }
  ~launch_graph() {
    if (graph_) blip_cuda_forget(graph_);
  }

  explicit operator bool() const { return graph_ != nullptr; }

  template <class F>
  bool capture(F&& body) {
    blip_cuda_begin_capture();
    bool told = true;
    try {
      body();
    } catch (const device_error&) {  // who runs the same without a graph hears of it, if it was not the graph's fault
      told = false;
    } catch (...) {
      end();
      throw;
    }
    launch_graph found = end();
    if (told) *this = std::move(found);
    return told && graph_ != nullptr;
  }
  void replay() const {
    blip_cuda_replay(graph_);
    detail::cuda_checked("a graph");
  }

 private:
  static launch_graph end() {
    launch_graph g;
    g.graph_ = blip_cuda_end_capture();
    blip_cuda_failure();
    return g;
  }

  void* graph_ = nullptr;
};

}  // namespace blip::inline BLIP_ABI
