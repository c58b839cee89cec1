// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/ranking.hpp"
#include "blip/backend/cuda/reduce.cuh"

// The best tokens of each row of logits, so that the host need not see a vocabulary for each token of each text.
namespace blip::inline BLIP_ABI {

namespace gpu {

// A token and its logit; none: -infinity and a token behind all others.
struct ranked_token {
  float logit;
  int token;

  // Of equal ones the first token.
  __device__ bool before(const ranked_token& o) const {
    return logit > o.logit || (logit == o.logit && token < o.token);
  }
};
inline constexpr int no_token = 0x7fffffff;

// The best of all threads; every one of them gets it.
__device__ inline ranked_token best_of_block(ranked_token mine) {
  for (int other = lanes / 2; other > 0; other /= 2) {
    const ranked_token theirs{__shfl_xor_sync(all_lanes, mine.logit, other), __shfl_xor_sync(all_lanes, mine.token, other)};
    if (theirs.before(mine)) mine = theirs;
  }
  ranked_token* const shared = shared_memory<ranked_token>();
  __syncthreads();  // whoever reads what was there before is done
  if (lane() == 0) shared[warp()] = mine;
  __syncthreads();
  for (int w = 0; w < threads() / lanes; ++w)
    if (shared[w].before(mine)) mine = shared[w];
  return mine;
}

// One block for each row; a thread has every threads()-th token and knows the best of those that were not given yet.
template <int Unused>
__global__ void best_of_row(in logits, int count, float* best, int* tokens, double* log_sums) {
  const int r = block_x();
  const float* const row = logits.row(r);
  const auto next = [&](const ranked_token& last) {
    ranked_token found{-INFINITY, no_token};
    for (int c = thread(); c < logits.width; c += threads())
      if (const ranked_token one{row[c], c}; last.before(one) && one.before(found)) found = one;
    return found;
  };
  ranked_token mine = next({INFINITY, -1});
  float top = 0;
  for (int i = 0; i < count; ++i) {
    const ranked_token winner = best_of_block(mine);
    if (i == 0) top = winner.logit;
    if (winner.token == mine.token && winner.token != no_token) mine = next(winner);
    if (thread() > 0) continue;
    best[std::ptrdiff_t{r} * count + i] = winner.logit;
    tokens[std::ptrdiff_t{r} * count + i] = winner.token;
  }
  double mass = 0;  // as the host adds
  for (int c = thread(); c < logits.width; c += threads())
    mass += exp(static_cast<double>(row[c]) - static_cast<double>(top));
  mass = block_sum(mass);
  if (thread() == 0) log_sums[r] = static_cast<double>(top) + log(mass);
}

}  // namespace gpu

extern "C" void blip_cuda_best_tokens(device<cuda>&, matrix_view<const float> logits, int count, float* best, int* tokens,
                                      double* log_sums) {
  constexpr int threads = 512;
  gpu::launch(&gpu::best_of_row<0>, gpu::grid_of(logits.rows), threads, gpu::lanes * sizeof(gpu::ranked_token), logits,
              count, best, tokens, log_sums);
}

}  // namespace blip::inline BLIP_ABI
