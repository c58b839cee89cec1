// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "blip/core/buffer.hpp"
#include "blip/core/error.hpp"
#include "blip/core/sequence_layout.hpp"

namespace blip::inline BLIP_ABI {

// Owns the arrays of a sequence_layout. Built on the host, copied once.
template <backend B>
class packed_layout {
 public:
  packed_layout() = default;

  // Sequences of the given lengths (each at least 1), one after the other without padding.
  explicit packed_layout(std::span<const int> lengths) {
    std::vector<int> begins(lengths.size());
    int rows = 0;
    for (std::size_t s = 0; s < lengths.size(); rows += lengths[s++]) begins[s] = rows;
    assign(begins, lengths, rows);
  }
  // Sequences that begin where the caller says, in `rows` rows of storage; what lies between belongs to none.
  packed_layout(std::span<const int> begins, std::span<const int> lengths, int rows) { assign(begins, lengths, rows); }

  // First positions other than 0 (decoding) and random streams other than the sequence's number (sub-batches).
  packed_layout& positions(std::span<const int> first) { return extend(positions_, view_.positions, first); }
  packed_layout& streams(std::span<const int> streams) { return extend(streams_, view_.streams, streams); }
  // The stream of the first sequence, from which the others count.
  packed_layout& first_stream(int stream) {
    view_.first_stream = stream;
    return *this;
  }

  const sequence_layout& view() const { return view_; }
  operator const sequence_layout&() const { return view_; }  // NOLINT(google-explicit-constructor)

 private:
  void assign(std::span<const int> begins, std::span<const int> lengths, int rows) {
    require_equal("packed_layout", "number of begins", static_cast<long long>(begins.size()),
                  static_cast<long long>(lengths.size()));
    long long used = 0;
    for (std::size_t s = 0; s < lengths.size(); ++s) {
      used += lengths[s];
      if (lengths[s] < 1 || begins[s] < 0 || begins[s] > rows - lengths[s])
        throw shape_error({"packed_layout: sequence " + std::to_string(s),
                           "at least one row inside " + std::to_string(rows) + " rows of storage",
                           std::to_string(lengths[s]) + " rows from row " + std::to_string(begins[s]), {}});
    }
    begins_ = buffer<B, int>(begins);
    lengths_ = buffer<B, int>(lengths);
    view_.sequences = static_cast<int>(lengths.size());
    view_.rows = rows;
    view_.gaps = used != rows;
    view_.longest = lengths.empty() ? 0 : *std::max_element(lengths.begin(), lengths.end());
    view_.begins = begins_.data();
    view_.lengths = lengths_.data();
  }
  packed_layout& extend(buffer<B, int>& to, const int*& at, std::span<const int> values) {
    require_equal("packed_layout", "number of values", static_cast<long long>(values.size()), view_.sequences);
    to = buffer<B, int>(values);
    at = to.data();
    return *this;
  }

  buffer<B, int> begins_, lengths_, positions_, streams_;
  sequence_layout view_;
};

}  // namespace blip::inline BLIP_ABI
