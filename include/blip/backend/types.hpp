// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "blip/core/matrix_view.hpp"
#include "blip/core/philox.hpp"
#include "blip/core/sequence_layout.hpp"

namespace blip::inline BLIP_ABI {

// What follows a matrix product. GELU is the exact one, x (1 + erf(x / sqrt 2)) / 2.
enum class activation { none, gelu, relu, tanh };

// Multi-head attention: head h reads columns [h d, (h + 1) d) of queries, keys and values, d = width / heads.
struct attention_spec {
  int heads = 0;
  double scale = 1;      // of the scores, positive; usually 1 / sqrt(d)
  bool causal = false;   // right-aligned: query i of n sees key j of m when j <= i + m - n
  dropout_spec dropout{};  // of the probabilities; address: (stream of the query sequence, head * 2^20 + query position, key)
  bool packed_keys = false;  // keys and values are what pack_keys made of them, at the first key's place
};

// What dropout multiplies one element with: 0, or 1 / (1 - rate), for the element and for its whole sequence.
BLIP_HD inline float dropout_factor(const dropout_spec& d, std::uint32_t stream, std::uint32_t row, std::uint32_t column) {
  float factor = 1;
  if (d.path_rate > 0) {
    random_site path = d.at;
    path.site = mix(path.site, 1);
    factor = path.uniform(stream, 0, 0) < d.path_rate ? 0.0f : 1 / (1 - d.path_rate);
  }
  if (d.rate > 0) factor *= d.at.uniform(stream, row, column) < d.rate ? 0.0f : 1 / (1 - d.rate);
  return factor;
}

// The row coordinate of attention dropout.
BLIP_HD constexpr std::uint32_t attention_row(int head, int query_position) {
  return (static_cast<std::uint32_t>(head) << 20) + static_cast<std::uint32_t>(query_position);
}

// A vision tower's picture format: rows of `patchify` are patches in row-major order, their columns channel, y, x.
struct patch_geometry {
  int channels = 0, height = 0, width = 0, patch = 0;

  BLIP_HD constexpr int grid_height() const { return height / patch; }
  BLIP_HD constexpr int grid_width() const { return width / patch; }
  BLIP_HD constexpr int patches() const { return grid_height() * grid_width(); }
  BLIP_HD constexpr int patch_values() const { return channels * patch * patch; }
};

// A position table: `prefix` rows (class token), then a grid, row-major.
struct position_grid {
  int prefix = 0, height = 0, width = 0;
  BLIP_HD constexpr int rows() const { return prefix + height * width; }
};

// One direction of the contrastive loss: rows of `queries` against the keys [batch; queue], all of one width. Column j is
// a batch row below batch.rows, then a queue row. With ids a row's positives are the columns of its id, without them the
// one column first + row. The teacher's rows, if any, give soft targets from the same keys.
template <class S>
struct contrast_inputs {
  matrix_view<const S> queries, teacher, batch, queue, temperature;
  const int* query_ids = nullptr;
  const int* batch_ids = nullptr;
  const int* queue_ids = nullptr;
  int first = 0;
  double alpha = 0;  // weight of the teacher's distribution in the targets

  BLIP_HD int columns() const { return batch.rows + queue.rows; }
  BLIP_HD bool positive(int r, int column) const {
    if (!query_ids) return column == first + r;
    return query_ids[r] == (column < batch.rows ? batch_ids[column] : queue_ids[column - batch.rows]);
  }
};

// Which candidates a row may draw as its negative, and how: w_rc = softmax(scores_r)_c + epsilon, 0 where excluded.
struct negative_rule {
  int first = 0;                 // without ids, row r may not draw candidate first + r
  const int* row_ids = nullptr;  // with ids, none of its own id
  const int* candidate_ids = nullptr;
  double epsilon = 0;
  int draws = 1;                 // different candidates per row

  BLIP_HD bool excludes(int r, int c) const { return row_ids ? row_ids[r] == candidate_ids[c] : c == first + r; }
};

// Where matching_pairs writes: 3 B sequences of texts (matched; with another picture; other texts), the picture that each
// reads, the pool row of each of their rows, and how many rows there are.
struct pair_arrays {
  int *begins = nullptr, *lengths = nullptr, *images = nullptr;  // [3 B]
  int* rows = nullptr;                                          // [capacity]
  int* live = nullptr;                                          // [1]
};

// One step of AdamW on one parameter; correction_i = 1 - beta_i^t for the parameter's own step count t. The gradient is
// multiplied with gradient_scale on the way: clipping costs no pass of its own.
struct adamw_step {
  double rate = 0, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, decay = 0, correction1 = 1, correction2 = 1;
  double gradient_scale = 1;
};
// The parameter that has this step: so many scalars of an arena.
struct adamw_piece {
  std::int64_t begin = 0, size = 0;
  adamw_step step;
};

}  // namespace blip::inline BLIP_ABI
