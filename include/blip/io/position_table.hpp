// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "blip/backend/reference/embeddings.hpp"
#include "blip/core/error.hpp"

namespace blip::inline BLIP_ABI {

// Resizes a position table [from.rows(), width] to another grid when a checkpoint is loaded: bicubic (Keys, a = -0.75),
// half-pixel centres, border clamped, no antialias, prefix rows kept. Source: `interpolate_pos_embed` of ALBEF and BLIP.
template <class S>
std::vector<S> resize_position_table(std::span<const S> table, int width, position_grid from, position_grid to) {
  require_equal("resize_position_table", "values", static_cast<long long>(table.size()),
                static_cast<long long>(from.rows()) * width);
  require_equal("resize_position_table", "prefix rows", from.prefix, to.prefix);
  if (from.height == to.height && from.width == to.width) return {table.begin(), table.end()};
  std::vector<S> resized(static_cast<std::size_t>(to.rows()) * static_cast<std::size_t>(width));
  device<reference<S>> host;
  reference_embeddings<S>::resize_positions(host, {table.data(), from.rows(), width, width, nullptr}, from, to,
                                            {resized.data(), to.rows(), width, width, nullptr});
  return resized;
}

}  // namespace blip::inline BLIP_ABI
