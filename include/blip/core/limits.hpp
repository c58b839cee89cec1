// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI {

// Bounds on what untrusted input may ask for. Exceeding one is a limit_error, before any memory is taken.
struct limits {
  std::uint64_t header_bytes = 16u << 20;          // safetensors header (the format's own bound is 100,000,000)
  std::uint64_t tensors = 1'000'000;               // tensors per file
  std::uint64_t name_bytes = 1'024;                // one tensor name
  int rank = 16;                                   // dimensions of one tensor
  std::uint64_t dimension = std::uint64_t{1} << 48;
  std::uint64_t tensor_bytes = std::uint64_t{1} << 40;  // all tensors of one file
  int json_depth = 64;
  std::uint64_t json_string = 1u << 20;
  std::uint64_t json_bytes = 256u << 20;
  std::uint64_t image_pixels = 50'000'000;
  int image_side = 32'768;
  std::uint64_t image_bytes = 64u << 20;           // encoded
  std::uint64_t caption_bytes = 64u << 10;
  std::uint64_t zip_entries = 100'000;
  std::uint64_t zip_directory_bytes = 64u << 20;
  std::uint64_t inflated_bytes = std::uint64_t{4} << 30;  // one compressed member
  std::uint64_t npy_header_bytes = 10'000;         // NumPy's own bound
  std::uint64_t pickle_bytes = 64u << 20;          // all pickles of a file, not its storages
  std::uint64_t pickle_opcodes = 50'000'000;
  std::uint64_t pickle_stack = 100'000;            // values, and marks
  std::uint64_t pickle_memo = 1'000'000;
  std::uint64_t pickle_string = 1u << 20;
  std::uint64_t repeated_bytes = 16u << 20;        // a tensor that is larger than its storage, as expand makes it
  std::uint64_t shards = 1'000;                    // files of one index
};

}  // namespace blip::inline BLIP_ABI
