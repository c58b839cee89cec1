// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstring>
#include <vector>

#include "blip/core/communicator.hpp"
#include "blip/train/require_same_model.hpp"
#include "blip/train/run_parts.hpp"

namespace blip::inline BLIP_ABI {

// All that a run changes (see run_parts) becomes what rank `from` has: after that one alone has read a checkpoint.
// Throws distributed_error when the ranks' models differ.
template <class Model, class B = typename Model::backend_type>
void broadcast_run(communicator<B>& ranks, training_state<Model>& state, adamw<B>& optimiser, int from = 0) {
  if (ranks.ranks() == 1) return;
  require_same_model(ranks, *state.values().layout());
  for (const run_part& p : run_parts(state, optimiser)) {
    if (p.where == part_memory::back_end) {
      ranks.broadcast(p.data, p.bytes, from);
    } else {  // a few numbers
      std::vector<std::byte> all(p.bytes * static_cast<std::size_t>(ranks.ranks()));
      ranks.all_gather_host(p.data, all.data(), p.bytes);
      if (p.bytes > 0) std::memcpy(p.data, all.data() + p.bytes * static_cast<std::size_t>(from), p.bytes);
    }
  }
  state.average_due() = ranks.of_all(char{state.average_due()})[static_cast<std::size_t>(from)] != 0;
}

}  // namespace blip::inline BLIP_ABI
