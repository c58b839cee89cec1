// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>

#include "blip/core/arena.hpp"
#include "blip/io/load_weights.hpp"
#include "blip/io/save_weights.hpp"

namespace blip::inline BLIP_ABI {

// Writes every parameter under its (first) name. Throws io_error.
template <backend B>
void save_arena(const std::string& path, const arena<B>& values,
                const std::map<std::string, std::string>& metadata = {}) {
  save_weights(path, values, {.shard_bytes = std::numeric_limits<std::uint64_t>::max(), .metadata = metadata});
}

// Reads every parameter by its name from a file of any container and layout, converting element types, names and
// position tables; what no parameter asks for is left alone, and listed. All or nothing: the arena changes only when
// every parameter was found with its shape. Throws io_error, format_error, limit_error, shape_error. More is said by
// load_weights.
template <backend B>
load_report load_arena(const std::string& path, arena<B>& values, const limits& bounds = {}) {
  return load_weights(path, values, {.ignore_unexpected = true}, bounds);
}

}  // namespace blip::inline BLIP_ABI
