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
void blip_cuda_pack_keys(device<cuda>&, matrix_view<const float> k, matrix_view<const float> v, const sequence_layout&,
                         int heads, float* to);
}

// Attention of the GPU, for heads of at most 256 columns; contract in blip/backend/kernels.hpp. With products of bf16,
// heads of 16, 32 ... 128 columns in rows aligned to 16 bytes are multiplied on tensor cores, which round keys and values
// to bf16 when they read them: for heads of 16, 32, 64 and 128 columns packed ones are that already, [keys | values] row by
// row, half as many bytes with the same bits at the end. For others there is no packed form (size 0).
struct cuda_attention {
  static constexpr auto attention = &detail::cuda_call<&blip_cuda_attention>::call;
  static constexpr auto attention_appending = &detail::cuda_call<&blip_cuda_attention_appending>::call;
  static constexpr auto attention_vjp = &detail::cuda_call<&blip_cuda_attention_vjp>::call;
  static constexpr auto pack_keys = &detail::cuda_call<&blip_cuda_pack_keys>::call;

  static constexpr bool packs_keys(precision products, int head) {
    return products == precision::bf16 && (head == 16 || head == 32 || head == 64 || head == 128);
  }
  static constexpr std::size_t packed_keys_size(precision products, const sequence_layout& kl, int heads, int width) {
    return packs_keys(products, width / heads) ? static_cast<std::size_t>(kl.rows) * static_cast<std::size_t>(width) : 0;
  }
  static std::size_t packed_keys_size(const device<cuda>& d, const sequence_layout& kl, int heads, int width) {
    return packed_keys_size(d.options().products, kl, heads, width);
  }
};

}  // namespace blip::inline BLIP_ABI
