// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/memory.hpp"
#include "blip/backend/types.hpp"

namespace blip::inline BLIP_ABI {

extern "C" {
void blip_cuda_embed(device<cuda>&, const int* ids, const sequence_layout&, matrix_view<const float> words,
                     matrix_view<const float> positions, matrix_view<const float> kind, matrix_view<float> y);
void blip_cuda_embed_vjp(device<cuda>&, const int* ids, const sequence_layout&, int padding,
                         matrix_view<const float> dy, gradient_view<float> dwords, gradient_view<float> dpositions,
                         gradient_view<float> dkind);
void blip_cuda_patchify(device<cuda>&, matrix_view<const float> pixels, patch_geometry, matrix_view<float> y);
void blip_cuda_patchify_vjp(device<cuda>&, matrix_view<const float> dy, patch_geometry, gradient_view<float> dpixels);
void blip_cuda_tokens(device<cuda>&, matrix_view<const float> x, matrix_view<const float> first,
                      matrix_view<const float> positions, int sequences, matrix_view<float> y);
void blip_cuda_tokens_vjp(device<cuda>&, matrix_view<const float> dy, int sequences, gradient_view<float> dx,
                          gradient_view<float> dfirst, gradient_view<float> dpositions, bool has_first);
void blip_cuda_resize_positions(device<cuda>&, matrix_view<const float> table, position_grid from, position_grid to,
                                matrix_view<float> y);
void blip_cuda_resize_positions_vjp(device<cuda>&, matrix_view<const float> dy, position_grid from, position_grid to,
                                    gradient_view<float> dtable);
}

// Lookups, patches and position tables of the GPU; contracts in blip/backend/kernels.hpp.
struct cuda_embeddings {
  static constexpr auto embed = &detail::cuda_call<&blip_cuda_embed>::call;
  static constexpr auto embed_vjp = &detail::cuda_call<&blip_cuda_embed_vjp>::call;
  static constexpr auto patchify = &detail::cuda_call<&blip_cuda_patchify>::call;
  static constexpr auto patchify_vjp = &detail::cuda_call<&blip_cuda_patchify_vjp>::call;
  static constexpr auto tokens = &detail::cuda_call<&blip_cuda_tokens>::call;
  static constexpr auto tokens_vjp = &detail::cuda_call<&blip_cuda_tokens_vjp>::call;
  static constexpr auto resize_positions = &detail::cuda_call<&blip_cuda_resize_positions>::call;
  static constexpr auto resize_positions_vjp = &detail::cuda_call<&blip_cuda_resize_positions_vjp>::call;
};

}  // namespace blip::inline BLIP_ABI
