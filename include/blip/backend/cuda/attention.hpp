// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/memory.hpp"
#include "blip/backend/types.hpp"

namespace blip::inline BLIP_ABI {

extern "C" {
void blip_cuda_attention(device<cuda>&, matrix_view<const float> q, matrix_view<const float> k,
                         matrix_view<const float> v, const sequence_layout& ql, const sequence_layout& kl, source_index,
                         const attention_spec&, matrix_view<float> y, matrix_view<float> lse);
void blip_cuda_attention_appending(device<cuda>&, matrix_view<const float> qkv, const int* places,
                                   matrix_view<float> cache, const sequence_layout& ql, const sequence_layout& kl,
                                   const attention_spec&, matrix_view<float> y);
void blip_cuda_attention_vjp(device<cuda>&, matrix_view<const float> q, matrix_view<const float> k,
                             matrix_view<const float> v, const sequence_layout& ql, const sequence_layout& kl,
                             source_index, const attention_spec&, matrix_view<const float> y,
                             matrix_view<const float> lse, matrix_view<const float> dy, gradient_view<float> dq,
                             gradient_view<float> dk, gradient_view<float> dv);
}

// Attention of the GPU, for heads of at most 256 columns; contract in blip/backend/kernels.hpp. With products of bf16,
// heads of 16, 32 ... 128 columns in rows aligned to 16 bytes are multiplied on tensor cores.
struct cuda_attention {
  static constexpr auto attention = &detail::cuda_call<&blip_cuda_attention>::call;
  static constexpr auto attention_appending = &detail::cuda_call<&blip_cuda_attention_appending>::call;
  static constexpr auto attention_vjp = &detail::cuda_call<&blip_cuda_attention_vjp>::call;
};

}  // namespace blip::inline BLIP_ABI
