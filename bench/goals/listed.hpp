// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <string_view>
#include <type_traits>

#include "blip/backend/cuda/products.hpp"
#include "blip/backend/kernels.hpp"
#include "goals/cost.hpp"

// A back end that lists what its kernels cost and leaves the work to another one, which may do none.
namespace goals {

// A GPU's ceilings: the rate of its matrix units on bf16, and of its memory.
inline constexpr double flop_per_second = 790e12, bytes_per_second = 4.3e12;

struct op_sum {
  cost all;
  long long calls = 0;
  double seconds = 0;  // every call as long as its arithmetic or its bytes take, whichever is longer
};

// What was called, by name.
struct op_list {
  std::map<std::string_view, op_sum> ops;

  void add(std::string_view name, const cost& c) {
    op_sum& o = ops[name];
    ++o.calls, o.all += c;
    o.seconds += std::max(c.packed / flop_per_second, (c.read + c.written) / bytes_per_second);
  }
  op_sum total() const {
    op_sum t;
    for (const auto& [name, o] : ops) t.all += o.all, t.calls += o.calls, t.seconds += o.seconds;
    return t;
  }
};

template <class Inner>
struct listed {
  using scalar = typename Inner::scalar;
  struct options {
    op_list* list = nullptr;
    blip::device<Inner>* inner = nullptr;
    blip::precision products = blip::precision::bf16;  // the precision that is counted
  };
};

template <std::size_t N>
struct op_name {
  char text[N];
  constexpr op_name(const char (&s)[N]) { std::copy_n(s, N, text); }  // NOLINT: a literal is meant to become one
};

// Kernel F of the inner back end.
template <op_name Name, class Cost, class B, auto F>
struct listed_call;
template <op_name Name, class Cost, class B, class Inner, class... A, void (*F)(blip::device<Inner>&, A...)>
struct listed_call<Name, Cost, B, F> {
  static void call(blip::device<B>& d, A... arguments) {
    d.options().list->add(Name.text, Cost()(d.options().products, arguments...));
    F(*d.options().inner, arguments...);
  }
};

}  // namespace goals

namespace blip::inline BLIP_ABI {

template <class Inner>
struct memory<goals::listed<Inner>> : memory<Inner> {};
template <class Inner>
inline constexpr bool has_kernels<goals::listed<Inner>> = true;

template <class Inner>
struct kernels<goals::listed<Inner>> {
  using B = goals::listed<Inner>;
  using K = kernels<Inner>;
  using once = goals::streamed<1>;
  using twice = goals::streamed<2>;
  using once_back = goals::streamed_gradient<1>;

  using S = typename B::scalar;
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  // What a back end may lack, as `cuda` has it; whoever computes nothing has nothing to do.
  static constexpr int few_rows = cuda_few_rows::few_rows;
  static void affine_norm(device<B>& d, in h, weight_view<S> w, in b, activation act, in x, in gamma, in beta,
                          double eps, out y) {
    add(d, "affine_norm", goals::costs::affine_norm, h, w, b, act, x, gamma, beta, eps, y);
    if constexpr (requires { &K::affine_norm; })
      K::affine_norm(*d.options().inner, h, w, b, act, x, gamma, beta, eps, y);
  }
  static void attention_appending(device<B>& d, in qkv, const int* places, out cache, const sequence_layout& ql,
                                  const sequence_layout& kl, const attention_spec& spec, out y) {
    add(d, "attention_appending", goals::costs::attention_appending, qkv, places, cache, ql, kl, spec, y);
    if constexpr (requires { &K::attention_appending; })
      K::attention_appending(*d.options().inner, qkv, places, cache, ql, kl, spec, y);
  }
  static void best_tokens(device<B>& d, in logits, int count, S* best, int* tokens, double* log_sums) {
    add(d, "best_tokens", goals::streamed<1>(), logits);
    if constexpr (requires { &K::best_tokens; })
      K::best_tokens(*d.options().inner, logits, count, best, tokens, log_sums);
  }
  static std::size_t packed_keys_size(device<B>& d, const sequence_layout& kl, int heads, int width) {
    return cuda_attention::packed_keys_size(d.options().products, kl, heads, width);
  }
  static void pack_keys(device<B>& d, in k, in v, const sequence_layout& kl, int heads, S* to) {
    add(d, "pack_keys", goals::costs::pack_keys, k, v);
    if constexpr (requires { &K::pack_keys; }) K::pack_keys(*d.options().inner, k, v, kl, heads, to);
  }
  static std::size_t packed_weight_bytes(device<B>& d, int rows, int cols) {
    return cuda_products::packed_weight_bytes(d.options().products, rows, cols);
  }
  static void pack_weight(device<B>& d, in w, void* to) {
    if constexpr (requires { &K::pack_weight; }) K::pack_weight(*d.options().inner, w, to);
  }
  template <class Cost, class... A>
  static void add(device<B>& d, std::string_view name, const Cost& cost, const A&... arguments) {
    d.options().list->add(name, cost(d.options().products, arguments...));
  }

#define BLIP_LISTED(name, ...) static constexpr auto name = &goals::listed_call<#name, __VA_ARGS__, B, +K::name>::call
#define BLIP_LISTED_AS(name) BLIP_LISTED(name, std::remove_const_t<decltype(goals::costs::name)>)
  BLIP_LISTED_AS(affine);
  BLIP_LISTED_AS(affine_vjp);
  BLIP_LISTED(activate, once);
  BLIP_LISTED(layer_norm, once);
  BLIP_LISTED_AS(layer_norm_vjp);
  BLIP_LISTED_AS(attention);
  BLIP_LISTED_AS(attention_vjp);
  BLIP_LISTED_AS(embed);
  BLIP_LISTED_AS(embed_vjp);
  BLIP_LISTED(patchify, once);
  BLIP_LISTED(patchify_vjp, once_back);
  BLIP_LISTED(tokens, once);
  BLIP_LISTED_AS(tokens_vjp);
  BLIP_LISTED(resize_positions, once);
  BLIP_LISTED(resize_positions_vjp, once_back);
  BLIP_LISTED(residual, once);
  BLIP_LISTED(residual_vjp, once_back);
  BLIP_LISTED(scale, once);
  BLIP_LISTED(scale_vjp, once_back);
  BLIP_LISTED_AS(gather_rows);
  BLIP_LISTED_AS(gather_rows_vjp);
  BLIP_LISTED_AS(scatter_rows);
  BLIP_LISTED_AS(scatter_rows_vjp);
  BLIP_LISTED(copy_columns, once);
  BLIP_LISTED(copy_columns_vjp, once_back);
  BLIP_LISTED(l2_normalize, once);
  BLIP_LISTED(l2_normalize_vjp, once_back);
  BLIP_LISTED_AS(similarity);
  BLIP_LISTED_AS(similarity_vjp);
  BLIP_LISTED(cross_entropy, once);
  BLIP_LISTED(cross_entropy_vjp, once_back);
  BLIP_LISTED(soft_cross_entropy, once);
  BLIP_LISTED(soft_cross_entropy_vjp, once_back);
  BLIP_LISTED_AS(contrast);
  BLIP_LISTED_AS(contrast_vjp);
  BLIP_LISTED(sample_negatives, once);
  BLIP_LISTED(matching_pairs, twice);
  BLIP_LISTED(gather_ints, once);
  BLIP_LISTED(assign_pairs, once);
  BLIP_LISTED_AS(clamp);
  BLIP_LISTED(weighted_sum, twice);
  BLIP_LISTED(weighted_sum_vjp, once_back);
  BLIP_LISTED(mean_labelled, twice);
  BLIP_LISTED(mean_labelled_vjp, goals::streamed_gradient<3>);
  BLIP_LISTED_AS(adamw);
  BLIP_LISTED_AS(squared_norm);
  BLIP_LISTED_AS(ema);
#undef BLIP_LISTED_AS
#undef BLIP_LISTED
};

}  // namespace blip::inline BLIP_ABI
