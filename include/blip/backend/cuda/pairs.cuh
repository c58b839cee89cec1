// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/loops.cuh"
#include "blip/backend/cuda/pairs.hpp"

namespace blip::inline BLIP_ABI {

namespace gpu {

// One warp for each row. The lanes compute the weights; one of them adds and draws, in the order of the columns and in
// double like host_pairs, so that the same scores give the same negatives.
template <int Unused>
__global__ void negatives(in scores, negative_rule rule, random_site at, double* weights, int* index) {
  const int r = block_x(), n = scores.width;
  double* const w = weights + static_cast<std::ptrdiff_t>(r) * n;
  double top = -1e300;
  for (int c = lane(); c < n; c += lanes) top = most(top, static_cast<double>(scores(r, c)));
  top = warp_most(top);
  for (int c = lane(); c < n; c += lanes) w[c] = exp(static_cast<double>(scores(r, c)) - top);
  __syncwarp();
  double sum = 0;
  if (lane() == 0)
    for (int c = 0; c < n; ++c) sum += w[c];
  sum = __shfl_sync(all_lanes, sum, 0);
  for (int c = lane(); c < n; c += lanes) w[c] = rule.excludes(r, c) ? 0.0 : w[c] / sum + rule.epsilon;
  __syncwarp();
  if (lane() != 0) return;
  for (int draw = 0; draw < rule.draws; ++draw) {
    double mass = 0;
    for (int c = 0; c < n; ++c) mass += w[c];
    // A row whose every candidate has underflowed falls back to equal weights; one without candidates to its neighbour.
    const bool equal = !(mass > 0);
    const auto weigh = [&](int c) { return equal ? rule.excludes(r, c) ? 0.0 : 1.0 : w[c]; };
    if (equal)
      for (int c = 0; c < n; ++c) mass += weigh(c);
    double rest = mass * static_cast<double>(at.uniform(static_cast<std::uint32_t>(rule.first + r),
                                                        static_cast<std::uint32_t>(draw), 0));
    int chosen = mass > 0 ? -1 : (rule.first + r + 1) % n;
    for (int c = 0; c < n && mass > 0; ++c) {
      const double weight = weigh(c);
      if (weight <= 0) continue;
      chosen = c;
      if (rest < weight) break;
      rest -= weight;
    }
    index[draw * scores.rows + r] = chosen;
    w[chosen] = 0;
  }
}

// One warp: lengths and begins of the 3 B sequences, a warp's width of them at a time.
template <int Unused>
__global__ void pair_sequences(sequence_layout texts, int first, int pairs, const int* negative_image,
                               const int* negative_text, pair_arrays to) {
  int next = 0;
  for (int from = 0; from < 3 * pairs; from += lanes) {
    const int s = from + lane(), b = s % pairs;
    const bool used = s < 3 * pairs;
    const int length = !used ? 0 : texts.length(s < 2 * pairs ? first + b : negative_text[b]);
    int up_to = length;  // and with this one
    for (int by = 1; by < lanes; by *= 2) {
      const int before = __shfl_up_sync(all_lanes, up_to, static_cast<unsigned>(by));
      if (lane() >= by) up_to += before;
    }
    if (used) {
      to.begins[s] = next + up_to - length;
      to.lengths[s] = length;
      to.images[s] = s / pairs == 1 ? negative_image[b] : first + b;
    }
    next += __shfl_sync(all_lanes, up_to, lanes - 1);
  }
  if (lane() == 0) *to.live = next;
}
template <int Unused>
__global__ void pair_rows(sequence_layout texts, int first, int pairs, const int* negative_text, pair_arrays to) {
  const int s = block_x(), b = s % pairs, text = s < 2 * pairs ? first + b : negative_text[b];
  for (int i = thread(); i < texts.length(text); i += threads()) to.rows[to.begins[s] + i] = texts.begin(text) + i;
}

struct gathered_int {
  const int *values, *index;
  int* to;
  template <int V>
  __device__ void at(int i, int) const {
    static_assert(V == 1);
    to[i] = values[index[i]];
  }
};
struct assigned_pair {
  const int *labels, *negatives;
  int n;
  int* pictures;
  template <int V>
  __device__ void at(int b, int) const {
    static_assert(V == 1);
    pictures[b] = labels[b] == 0 ? b : negatives[b];
    pictures[n + b] = labels[b] == 0 ? negatives[b] : labels[b] == 1 ? b : negatives[n + b];
  }
};

}  // namespace gpu

extern "C" {

void blip_cuda_sample_negatives(device<cuda>& d, matrix_view<const float> scores, const negative_rule& rule,
                                random_site at, int* index) {
  const scratch<cuda, double> weights(d,
                                      static_cast<std::size_t>(scores.rows) * static_cast<std::size_t>(scores.width));
  gpu::launch(&gpu::negatives<0>, gpu::grid_of(scores.rows), gpu::lanes, 0, scores, rule, at, weights.data(), index);
}

void blip_cuda_matching_pairs(device<cuda>&, const sequence_layout& texts, int first, int pairs,
                              const int* negative_image, const int* negative_text, const pair_arrays& to) {
  gpu::launch(&gpu::pair_sequences<0>, gpu::grid_of(1), gpu::lanes, 0, texts, first, pairs, negative_image,
              negative_text, to);
  gpu::launch(&gpu::pair_rows<0>, gpu::grid_of(3 * pairs), gpu::lanes, 0, texts, first, pairs, negative_text, to);
}

void blip_cuda_gather_ints(device<cuda>&, const int* values, const int* index, int n, const int* live, int* to) {
  gpu::each_number(gpu::gathered_int{values, index, to}, n, 1, live);
}

void blip_cuda_assign_pairs(device<cuda>&, const int* labels, const int* negatives, int n, int* pictures) {
  gpu::each_number(gpu::assigned_pair{labels, negatives, n, pictures}, n, 1);
}

}  // extern "C"

}  // namespace blip::inline BLIP_ABI
