// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/types.hpp"
#include "blip/core/device.hpp"

namespace blip::inline BLIP_ABI {

// Attention of the processor: softmax streamed over blocks of keys, so that no [heads, n, m] matrix exists; contract in
// blip/backend/kernels.hpp. With bf16 products, on a processor that multiplies pairs of bf16 (compiled for it), queries,
// keys, values, probabilities and their gradients are rounded to bf16 where they are multiplied; scores, softmax and sums
// are fp32, as is everything elsewhere. Bits of a row depend on its own query and its keys only, not on other rows or
// threads.
struct cpu_attention {
  using in = matrix_view<const float>;
  using out = matrix_view<float>;
  using grad = gradient_view<float>;

  static void attention(device<cpu>& d, in q, in k, in v, const sequence_layout& ql, const sequence_layout& kl,
                        source_index source, const attention_spec& spec, out y, out lse);
  // Keys and values [m, width] as attention reads them, for those that are read many times; half their size with bf16
  // products. They take so many floats.
  static std::size_t packed_keys_size(const device<cpu>& d, const sequence_layout& kl, int heads, int width);
  static void pack_keys(device<cpu>& d, in k, in v, const sequence_layout& kl, int heads, float* to);
  static void attention_vjp(device<cpu>& d, in q, in k, in v, const sequence_layout& ql, const sequence_layout& kl,
                            source_index source, const attention_spec& spec, in y, in lse, in dy, grad dq, grad dk,
                            grad dv);
};

}  // namespace blip::inline BLIP_ABI

#if !defined(BLIP_EXPLICIT_ONLY)
#include "blip/backend/cpu/attention-inl.hpp"
#endif
