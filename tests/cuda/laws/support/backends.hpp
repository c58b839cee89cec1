// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <string_view>
#include <tuple>

#include "blip/backend/cuda.hpp"

// Found in place of tests/support/backends.hpp when golden cases are compiled for a GPU.
namespace test {

// Whether factors of products are rounded to bf16: as the environment says.
inline bool rounds_products() {
  const char* const wish = std::getenv("BLIP_GOLDEN_PRODUCTS");
  return wish && std::string_view(wish) == "bf16";
}
// `cuda` with products of fp32, whatever its default, or of bf16 when that is wished for.
struct exact_cuda {
  using scalar = float;
  struct options {};
};

using golden_backends = std::tuple<exact_cuda>;

template <auto F>
struct exactly;
template <class... A, void (*F)(blip::device<blip::cuda>&, A...)>
struct exactly<F> {
  static void call(blip::device<exact_cuda>&, A... arguments) {
    static blip::device<blip::cuda> gpu({.products = rounds_products() ? blip::precision::bf16 : blip::precision::fp32});
    F(gpu, arguments...);
  }
};

}  // namespace test

namespace blip::inline BLIP_ABI {

template <>
struct memory<test::exact_cuda> : memory<cuda> {};
template <>
inline constexpr bool has_kernels<test::exact_cuda> = true;

template <>
struct kernels<test::exact_cuda> {
  using K = kernels<cuda>;
#define BLIP_EXACTLY(name) static constexpr auto name = &test::exactly<K::name>::call
  BLIP_EXACTLY(affine);
  BLIP_EXACTLY(affine_vjp);
  BLIP_EXACTLY(affine_norm);
  static constexpr int few_rows = K::few_rows;
  BLIP_EXACTLY(activate);
  BLIP_EXACTLY(layer_norm);
  BLIP_EXACTLY(layer_norm_vjp);
  BLIP_EXACTLY(attention);
  BLIP_EXACTLY(attention_vjp);
  BLIP_EXACTLY(attention_appending);
  BLIP_EXACTLY(pack_keys);
  static std::size_t packed_keys_size(device<test::exact_cuda>&, const sequence_layout& kl, int heads, int width) {
    return K::packed_keys_size(test::rounds_products() ? precision::bf16 : precision::fp32, kl, heads, width);
  }
  BLIP_EXACTLY(embed);
  BLIP_EXACTLY(embed_vjp);
  BLIP_EXACTLY(patchify);
  BLIP_EXACTLY(patchify_vjp);
  BLIP_EXACTLY(tokens);
  BLIP_EXACTLY(tokens_vjp);
  BLIP_EXACTLY(resize_positions);
  BLIP_EXACTLY(resize_positions_vjp);
  BLIP_EXACTLY(residual);
  BLIP_EXACTLY(residual_vjp);
  BLIP_EXACTLY(scale);
  BLIP_EXACTLY(scale_vjp);
  BLIP_EXACTLY(gather_rows);
  BLIP_EXACTLY(gather_rows_vjp);
  BLIP_EXACTLY(scatter_rows);
  BLIP_EXACTLY(scatter_rows_vjp);
  BLIP_EXACTLY(copy_columns);
  BLIP_EXACTLY(copy_columns_vjp);
  BLIP_EXACTLY(l2_normalize);
  BLIP_EXACTLY(l2_normalize_vjp);
  BLIP_EXACTLY(similarity);
  BLIP_EXACTLY(similarity_vjp);
  BLIP_EXACTLY(cross_entropy);
  BLIP_EXACTLY(cross_entropy_vjp);
  BLIP_EXACTLY(soft_cross_entropy);
  BLIP_EXACTLY(soft_cross_entropy_vjp);
  BLIP_EXACTLY(contrast);
  BLIP_EXACTLY(contrast_vjp);
  BLIP_EXACTLY(sample_negatives);
  BLIP_EXACTLY(matching_pairs);
  BLIP_EXACTLY(gather_ints);
  BLIP_EXACTLY(assign_pairs);
  BLIP_EXACTLY(best_tokens);
  BLIP_EXACTLY(clamp);
  BLIP_EXACTLY(weighted_sum);
  BLIP_EXACTLY(weighted_sum_vjp);
  BLIP_EXACTLY(mean_labelled);
  BLIP_EXACTLY(mean_labelled_vjp);
  BLIP_EXACTLY(adamw);
  BLIP_EXACTLY(squared_norm);
  BLIP_EXACTLY(ema);
#undef BLIP_EXACTLY
};

static_assert(kernel_set<test::exact_cuda>);

}  // namespace blip::inline BLIP_ABI
