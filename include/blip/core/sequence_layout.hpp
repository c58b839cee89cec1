// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI {

// How the rows of a matrix form sequences. Sequence s holds rows begin(s) ... begin(s) + length(s) - 1; its first row
// stands at position position0(s) and draws its random numbers from stream(s). Text is packed (no padding rows); equal
// lengths (images) need no arrays at all; a key cache is rows with gaps (begin = s * capacity).
//
// The arrays live in back-end memory. The host knows the capacities: `sequences`, `rows` (storage) and `longest`.
struct sequence_layout {
  int sequences = 0;
  int rows = 0;     // storage, gaps included
  int longest = 0;  // no sequence is longer
  int step = 0;     // distance of sequence begins when `begins` is null
  const int* begins = nullptr;      // null: s * step
  const int* lengths = nullptr;     // null: all `longest`
  const int* positions = nullptr;   // null: 0
  const int* streams = nullptr;     // null: first_stream + s
  int first_stream = 0;
  bool gaps = false;  // some rows may belong to no sequence: results are zero there
  const int* live = nullptr;  // rows in use where a sample decided their number (see matrix_view); null: all

  BLIP_HD int begin(int s) const { return begins ? begins[s] : s * step; }
  BLIP_HD int length(int s) const { return lengths ? lengths[s] : longest; }
  BLIP_HD int position0(int s) const { return positions ? positions[s] : 0; }
  BLIP_HD std::uint32_t stream(int s) const {
    return static_cast<std::uint32_t>(streams ? streams[s] : first_stream + s);
  }

  // The first row of each of these sequences, one after the other; random numbers are drawn where they were.
  constexpr sequence_layout firsts() const {
    sequence_layout l = uniform(sequences, 1, first_stream);
    l.positions = positions, l.streams = streams;
    return l;
  }
  // `sequences` sequences of `length` rows each, one after the other.
  static constexpr sequence_layout uniform(int sequences, int length, int first_stream = 0) {
    return {sequences, sequences * length, length, length, nullptr, nullptr, nullptr, nullptr, first_stream, false};
  }
};

// Which key/value sequence each query sequence reads; null: the one of the same number. Back-end memory.
using source_index = const int*;

}  // namespace blip::inline BLIP_ABI
