// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "blip/core/arena_layout.hpp"

namespace blip::inline BLIP_ABI {

// Which parameters a recipe decays.
//   all: every one (BLIP).
//   matrices_only_albef: not those of rank exactly 1, nor names that end in .bias; a temperature has rank 0 and decays.
//   lavis: not those of rank below 2, nor names with bias, ln or bn anywhere.
// Source: BLIP's pretrain.py, ALBEF's optim/optim_factory.py, LAVIS's base_model.py.
enum class decay_rule { all, matrices_only_albef, lavis };

constexpr bool decays(decay_rule rule, std::string_view name, int rank) {
  const auto has = [&](std::string_view part) { return name.find(part) != std::string_view::npos; };
  switch (rule) {
    case decay_rule::all:
      break;
    case decay_rule::matrices_only_albef:
      return rank != 1 && !name.ends_with(".bias");
    case decay_rule::lavis:
      return rank >= 2 && !has("bias") && !has("ln") && !has("bn");
  }
  return true;
}

// The same for every entry of a layout. One with several names (tied, or rows of a fused weight) is exempt as soon as
// any of them is.
inline std::vector<bool> decays(decay_rule rule, const arena_layout& layout) {
  std::vector<bool> all(layout.entries().size(), true);
  for (const auto& n : layout.names())
    if (!decays(rule, n.text, n.rank)) all[static_cast<std::size_t>(n.entry)] = false;
  return all;
}

}  // namespace blip::inline BLIP_ABI
