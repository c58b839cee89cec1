// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "blip/core/arena.hpp"
#include "blip/core/device.hpp"
#include "blip/losses/needs.hpp"

namespace blip::inline BLIP_ABI {

// Parts of a loss policy that has none of them: parameters of its own, state between steps, work at the step's beginning.
struct no_head {
  template <class L>
  explicit no_head(const L&) {}
  template <class Self, class F>
  static void averaged(Self&, F&&) {}
  template <class Self, class F>
  static void others(Self&, F&&) {}
};

template <class B>
struct no_state {
  void commit() {}
  void discard() {}
};

// A loss policy derives from this to be spared them.
struct stateless_loss {
  using provides = type_list<>;
  template <class Towers>
  using head_type = no_head;
  template <class B>
  using state = no_state<B>;
  template <class B>
  no_state<B> make_state(std::uint64_t) const {
    return {};
  }
  template <class B, class H>
  void begin(device<B>&, arena<B>&, const H&) const {}
};

}  // namespace blip::inline BLIP_ABI
