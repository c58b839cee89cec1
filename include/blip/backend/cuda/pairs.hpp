// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/memory.hpp"
#include "blip/backend/types.hpp"

namespace blip::inline BLIP_ABI {

extern "C" {
void blip_cuda_sample_negatives(device<cuda>&, matrix_view<const float> scores, const negative_rule&, random_site,
                                int* index);
void blip_cuda_matching_pairs(device<cuda>&, const sequence_layout& texts, int first, int pairs,
                              const int* negative_image, const int* negative_text, const pair_arrays& to);
void blip_cuda_gather_ints(device<cuda>&, const int* values, const int* index, int n, const int* live, int* to);
void blip_cuda_assign_pairs(device<cuda>&, const int* labels, const int* negatives, int n, int* pictures);
}

// Sampling and index work of the GPU; contracts in blip/backend/kernels.hpp.
struct cuda_pairs {
  static constexpr auto sample_negatives = &detail::cuda_call<&blip_cuda_sample_negatives>::call;
  static constexpr auto matching_pairs = &detail::cuda_call<&blip_cuda_matching_pairs>::call;
  static constexpr auto gather_ints = &detail::cuda_call<&blip_cuda_gather_ints>::call;
  static constexpr auto assign_pairs = &detail::cuda_call<&blip_cuda_assign_pairs>::call;
};

}  // namespace blip::inline BLIP_ABI
