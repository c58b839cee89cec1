// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "blip/autograd/tape.hpp"
#include "blip/core/initialise.hpp"

namespace blip::inline BLIP_ABI {

// A layer, tower or model together with its own arenas, laid out and initialised: for those who want just one.
// Neither copied nor moved, because tapes remember where its parameters are.
template <class L, class B>
class owned {
  static_assert(detail::back_end_rules<B>());

 public:
  template <class... A>
  explicit owned(std::uint64_t seed, A&&... arguments)
      : module_(std::forward<A>(arguments)...), values_(lay_out(module_)), gradients_(values_.layout()) {
    initialise(values_, seed);
  }
  owned(const owned&) = delete;
  owned& operator=(const owned&) = delete;

  const L& operator*() const { return module_; }
  const L* operator->() const { return &module_; }
  arena<B>& values() { return values_; }
  const arena<B>& values() const { return values_; }
  blip::gradients<B>& gradients() { return gradients_; }

  inference_tape<B> inference(device<B>& d, tape_options o = {}) const { return inference_tape<B>(d, values_, o); }
  recording_tape<B> recording(device<B>& d, tape_options o = {}) {
    return recording_tape<B>(d, values_, gradients_, o);
  }

 private:
  static std::shared_ptr<const arena_layout> lay_out(L& module) {
    auto layout = std::make_shared<arena_layout>();
    layout->place("", module);
    return layout;
  }

  L module_;
  arena<B> values_;
  blip::gradients<B> gradients_;
};

}  // namespace blip::inline BLIP_ABI
