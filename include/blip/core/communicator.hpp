// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstring>
#include <type_traits>
#include <vector>

#include "blip/core/backend.hpp"

namespace blip::inline BLIP_ABI {

// Everything that crosses samples of different ranks goes through here. All ranks call the same functions in the same
// order with the same sizes; each function says whether its memory is the back end's or the host's. An interface and not
// a template argument, because it stands above whole passes: one compiled model serves one process and many, and how
// many is a run-time value. Sums are taken in an order that depends on nothing but the number of ranks, so that all ranks
// have the same bits, run after run.
template <class B>
class communicator {
 public:
  using scalar = typename B::scalar;

  virtual ~communicator() = default;

  virtual int rank() const = 0;
  virtual int ranks() const = 0;

  // In back-end memory. Everyone's `bytes`, in rank order, into `all` [ranks * bytes].
  virtual void all_gather(const void* own, void* all, std::size_t bytes) = 0;
  // data <- the sum of all ranks' data.
  virtual void all_reduce(scalar* data, std::size_t size) = 0;
  // own [each] <- the sum over all ranks of part rank() of their data [ranks, each].
  virtual void reduce_scatter(const scalar* data, scalar* own, std::size_t each) = 0;
  // data <- that of rank `from`.
  virtual void broadcast(void* data, std::size_t bytes, int from) = 0;

  // all_gather in host memory: sizes, counts, flags, losses after a step.
  virtual void all_gather_host(const void* own, void* all, std::size_t bytes) = 0;

  // Everyone's value, in rank order; a flag is a char.
  template <class X>
  std::vector<X> of_all(const X& own) {
    static_assert(std::is_trivially_copyable_v<X> && !std::is_same_v<X, bool>,
                  "blip::communicator: values are copied as bytes, flags as char");
    std::vector<X> all(static_cast<std::size_t>(ranks()));
    all_gather_host(&own, all.data(), sizeof own);
    return all;
  }
  // Returns when every rank has called it.
  void barrier() { all_gather_host(nullptr, nullptr, 0); }
};

// One process, one rank.
template <class B>
class single_process final : public communicator<B> {
 public:
  using scalar = typename B::scalar;

  int rank() const override { return 0; }
  int ranks() const override { return 1; }
  void all_gather(const void* own, void* all, std::size_t bytes) override { memory<B>::copy(all, own, bytes); }
  void all_reduce(scalar*, std::size_t) override {}
  void reduce_scatter(const scalar* data, scalar* own, std::size_t each) override {
    memory<B>::copy(own, data, each * sizeof(scalar));
  }
  void broadcast(void*, std::size_t, int) override {}
  void all_gather_host(const void* own, void* all, std::size_t bytes) override {
    if (bytes > 0) std::memcpy(all, own, bytes);
  }
};

}  // namespace blip::inline BLIP_ABI
