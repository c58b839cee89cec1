// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/autograd/tape.hpp"
#include "blip/backend/kernels.hpp"
#include "blip/ops/int_array.hpp"

namespace blip::inline BLIP_ABI::ops {

// The texts of 3 B pairs as one packed batch: each text with its picture, each text with another picture, another text
// with each picture. Lives as long as the tape's record.
struct text_pairs {
  sequence_layout layout;   // 3 B sequences; `live` says how many of the rows are in use
  const int* rows;          // [layout.rows] the row of the pool that each row repeats
  source_index images;      // [3 B] the picture that each sequence reads
};

// Builds them from sampled indices without asking the device how long the sampled texts are: there is room for B of the
// longest. `pool` holds all texts (of all ranks); the own ones are sequences first ... first + pairs - 1 of at most
// `own_rows` rows. `streams` [3 B], if given, says where each pair draws its random numbers.
// Source: ALBEF section 3.1; the layout [matched; other picture; other text] is the published one.
template <class T>
text_pairs matching_pairs(T& t, const sequence_layout& pool, int first, int pairs, int own_rows, const int* negative_image,
                          const int* negative_text, const int* streams = nullptr) {
  using B = typename T::backend_type;
  const int rows = 2 * own_rows + pairs * pool.longest;
  int* const all = kept_ints(t, 9 * pairs + rows + 1);
  const pair_arrays to{all, all + 3 * pairs, all + 6 * pairs, all + 9 * pairs, all + 9 * pairs + rows};
  kernels<B>::matching_pairs(t.device(), pool, first, pairs, negative_image, negative_text, to);
  sequence_layout layout{.sequences = 3 * pairs, .rows = rows, .longest = pool.longest, .begins = to.begins,
                         .lengths = to.lengths};
  layout.streams = streams;
  layout.live = to.live;
  return {layout, to.rows, to.images};
}

// y_i = values[index_i], i < *live where given; alive as long as the tape's record.
template <class T>
const int* gather_ints(T& t, const int* values, const int* index, int n, const int* live = nullptr) {
  using B = typename T::backend_type;
  int* const y = kept_ints(t, n);
  kernels<B>::gather_ints(t.device(), values, index, n, live, y);
  return y;
}

}  // namespace blip::inline BLIP_ABI::ops
