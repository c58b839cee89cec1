// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "blip/core/backend.hpp"

namespace blip::inline BLIP_ABI {

// Everything that crosses samples of different ranks goes through here. All ranks call the same functions in the same
// order with the same sizes. Memory is back-end memory. An interface and not a template argument, because it stands above
// whole passes: one compiled model serves one process and many.
template <class B>
class communicator {
 public:
  virtual ~communicator() = default;

  virtual int rank() const = 0;
  virtual int ranks() const = 0;
  // Everyone's `bytes`, in rank order, into `all` [ranks * bytes].
  virtual void all_gather(const void* own, void* all, std::size_t bytes) = 0;
  // data <- the sum of all ranks' data, added in rank order.
  virtual void all_reduce(typename B::scalar* data, std::size_t size) = 0;
};

// One process, one rank.
template <class B>
class single_process final : public communicator<B> {
 public:
  int rank() const override { return 0; }
  int ranks() const override { return 1; }
  void all_gather(const void* own, void* all, std::size_t bytes) override { memory<B>::copy(all, own, bytes); }
  void all_reduce(typename B::scalar*, std::size_t) override {}
};

}  // namespace blip::inline BLIP_ABI
