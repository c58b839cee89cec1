// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "blip/autograd/tape.hpp"
#include "blip/layers/seen_attention.hpp"

namespace blip::inline BLIP_ABI {

// Rows of a matrix that form one sequence.
struct row_span {
  int first = 0, count = 0;
};

// What rows of one sequence attend to in another: probabilities, and the gradient of what backward() began with, both
// [heads, rows, keys].
struct attention_map {
  int heads = 0, rows = 0, keys = 0;
  std::vector<double> probabilities{}, gradients{};

  std::size_t at(int head, int row, int key) const {
    return (static_cast<std::size_t>(head) * static_cast<std::size_t>(rows) + static_cast<std::size_t>(row)) *
               static_cast<std::size_t>(keys) +
           static_cast<std::size_t>(key);
  }
};

// The map of an attention that was looked at, after backward(), computed on the host from what the pass had anyway:
//   p_ij = softmax_j(scale q_i k_j),   dp_ij = dy_i v_j,
// y_i = sum_j p_ij v_j being what the attention gave. For rows that attend to every key. Throws shape_error for rows
// that are not there. Waits for the device.
template <class T>
attention_map read_attention_map(const T& t, const seen_attention<T>& seen, row_span queries, row_span keys) {
  using B = typename T::backend_type;
  using S = typename B::scalar;
  using view = matrix_view<const S>;
  if (!seen.given)
    throw shape_error(
        {"read_attention_map", "an attention that a pass has seen", "none", "is the layer in the tower?"});
  const view q = seen.inputs.queries->value, k = seen.inputs.keys->value, dy = t.gradient_of(seen.given);
  const int heads = seen.spec.heads, width = seen.given.width(), size = width / heads;
  const auto rows_of = [](const view& m, row_span rows, int column, int columns) {
    if (rows.first < 0 || rows.count < 0 || rows.first > m.rows - rows.count)
      throw shape_error({"read_attention_map: rows", "within the " + std::to_string(m.rows) + " of the matrix",
                         std::to_string(rows.first) + " to " + std::to_string(rows.first + rows.count), {}});
    view part = m.columns(column, columns);
    part.data = part.row(rows.first), part.rows = rows.count;
    return to_host<B>(part);
  };
  const std::vector<S> qs = rows_of(q, queries, seen.inputs.query_column, width);
  const std::vector<S> ks = rows_of(k, keys, seen.inputs.key_column, width);
  const std::vector<S> vs = rows_of(k, keys, seen.inputs.value_column, width);
  const std::vector<S> ds = dy.data ? rows_of(dy, queries, 0, width) : std::vector<S>(qs.size(), S(0));

  attention_map map{heads, queries.count, keys.count};
  map.probabilities.resize(map.at(heads, 0, 0)), map.gradients.resize(map.at(heads, 0, 0));
  const auto product = [&](const std::vector<S>& a, int i, const std::vector<S>& b, int j, int head) {
    const auto from = [&](int row) {
      return static_cast<std::size_t>(row) * static_cast<std::size_t>(width) + static_cast<std::size_t>(head * size);
    };
    double sum = 0;
    for (std::size_t c = 0; c < static_cast<std::size_t>(size); ++c)
      sum += static_cast<double>(a[from(i) + c]) * static_cast<double>(b[from(j) + c]);
    return sum;
  };
  for (int h = 0; h < heads; ++h)
    for (int i = 0; i < queries.count; ++i) {
      double* const p = map.probabilities.data() + map.at(h, i, 0);
      for (int j = 0; j < keys.count; ++j) {
        p[j] = seen.spec.scale * product(qs, i, ks, j, h);
        map.gradients[map.at(h, i, j)] = product(ds, i, vs, j, h);
      }
      const double most = keys.count > 0 ? *std::max_element(p, p + keys.count) : 0;
      double sum = 0;
      for (int j = 0; j < keys.count; ++j) sum += p[j] = std::exp(p[j] - most);
      for (int j = 0; j < keys.count; ++j) p[j] /= sum;
    }
  return map;
}

// Where the rows' attention speaks for what backward() began with: the mean over the heads of p max(dp, 0), keys from
// `first` on, [rows, keys - first]; 1 leaves a picture's class token out. Source: Grad-CAM (Selvaraju et al. 2017) as
// in ALBEF section 4.2, `Grounding.py`.
inline std::vector<double> grad_cam(const attention_map& map, int first = 1) {
  std::vector<double> cam;
  for (int i = 0; i < map.rows; ++i)
    for (int j = first; j < map.keys; ++j) {
      double sum = 0;
      for (int h = 0; h < map.heads; ++h)
        sum += map.probabilities[map.at(h, i, j)] * std::max(map.gradients[map.at(h, i, j)], 0.0);
      cam.push_back(sum / map.heads);
    }
  return cam;
}

}  // namespace blip::inline BLIP_ABI
