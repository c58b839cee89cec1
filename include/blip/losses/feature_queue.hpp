// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "blip/autograd/tensor.hpp"
#include "blip/core/philox.hpp"

namespace blip::inline BLIP_ABI {

// A ring of normalised features of earlier batches with the id of each: rows [size, width], oldest overwritten first. What
// a step offers enters when the step is committed, so a step that is thrown away leaves no trace. Any batch fits any ring.
// Source: MoCo (He et al. 2020) 3.2; ALBEF section 3.1. Checkpoints of the published code hold it transposed.
template <backend B>
class feature_queue {
 public:
  using S = typename B::scalar;
  static constexpr int no_id = -100;  // of rows that never came from a picture

  feature_queue() = default;
  // Starts as random unit vectors, as the published code does.
  feature_queue(int size, int width, std::uint64_t seed, std::uint32_t site)
      : size_(size), width_(width), rows_(static_cast<std::size_t>(size) * static_cast<std::size_t>(width)) {
    std::vector<S> host(rows_.size());
    const random_site at{seed, nullptr, site};
    for (int r = 0; r < size; ++r) {
      std::vector<double> v(static_cast<std::size_t>(width));
      double squares = 0;
      for (std::size_t c = 0; c < v.size(); ++c) {
        const philox_counter w = at.block(0x5155u, static_cast<std::uint32_t>(r), static_cast<std::uint32_t>(c));
        v[c] = std::sqrt(-2 * std::log((w[0] + 1.0) * 0x1p-32)) * std::cos(2 * std::numbers::pi * w[1] * 0x1p-32);
        squares += v[c] * v[c];
      }
      for (std::size_t c = 0; c < v.size(); ++c)
        host[static_cast<std::size_t>(r) * v.size() + c] = S(v[c] / std::sqrt(squares));
    }
    rows_.write(host);
  }

  matrix_view<const S> view() const { return {rows_.data(), size_, width_, width_, nullptr}; }
  buffer<B, S>& rows() { return rows_; }
  int size() const { return size_; }
  int width() const { return width_; }

  // Writes `features` [n, width] behind position `cursor` of the ring.
  void write(matrix_view<const S> features, std::int64_t cursor) {
    each_piece(features.rows, cursor, size_, [&](int from, int to, int count) {
      for (int r = 0; r < count; ++r)
        memory<B>::copy(rows_.data() + std::int64_t{to + r} * width_, features.row(from + r),
                        static_cast<std::size_t>(width_) * sizeof(S));
    });
  }

  // f(first row, first place, rows) for the at most two stretches that n new rows take; of more than the ring holds, the
  // last ones stay.
  template <class F>
  static void each_piece(int n, std::int64_t cursor, int size, F f) {
    for (int done = std::max(0, n - size); done < n;) {
      const int to = static_cast<int>((cursor + done) % size), count = std::min(n - done, size - to);
      f(done, to, count);
      done += count;
    }
  }

 private:
  int size_ = 0, width_ = 0;
  buffer<B, S> rows_;
};

}  // namespace blip::inline BLIP_ABI
