// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>

#include "blip/backend/reference.hpp"

// A back end that computes no number, only what decides how much there is to compute: indices, ids, who is paired with
// whom. A scalar of `idle` takes one byte, so a whole model of published size passes through a training step in seconds
// and little memory.
namespace blip_test {

template <std::size_t Bytes>
struct idle_of {
  struct scalar {
    constexpr scalar() = default;
    explicit constexpr scalar(double) {}
    explicit constexpr operator double() const { return 0; }
    std::array<std::byte, Bytes> nothing{};
  };
  struct options {};
};
using idle = idle_of<1>;

// A kernel of back end B with the arguments of F, a kernel of the reference back end (which is only named, never
// compiled).
template <class B, class F>
struct skipped;
template <class B, class... A>
struct skipped<B, void (*)(blip::device<blip::reference<typename B::scalar>>&, A...)> {
  static void call(blip::device<B>&, A...) {}
};

}  // namespace blip_test

namespace blip::inline BLIP_ABI {

template <std::size_t Bytes>
inline constexpr bool has_kernels<blip_test::idle_of<Bytes>> = true;

template <std::size_t Bytes>
struct kernels<blip_test::idle_of<Bytes>> {
  using B = blip_test::idle_of<Bytes>;
  using R = kernels<reference<typename B::scalar>>;
  using in = matrix_view<const typename B::scalar>;

  // Every row takes its neighbours: as many of each candidate as of any other, which is also what draws give on
  // average.
  static void sample_negatives(device<B>&, in scores, const negative_rule& rule, random_site, int* index) {
    for (int draw = 0; draw < rule.draws; ++draw)
      for (int r = 0; r < scores.rows; ++r) index[draw * scores.rows + r] = (rule.first + r + 1 + draw) % scores.width;
  }
  static constexpr auto matching_pairs = &host_pairs<B>::matching_pairs;
  static constexpr auto gather_ints = &host_pairs<B>::gather_ints;
  static constexpr auto assign_pairs = &host_pairs<B>::assign_pairs;

  static constexpr auto affine = &blip_test::skipped<B, decltype(&R::affine)>::call;
  static constexpr auto affine_vjp = &blip_test::skipped<B, decltype(&R::affine_vjp)>::call;
  static constexpr auto activate = &blip_test::skipped<B, decltype(&R::activate)>::call;
  static constexpr auto layer_norm = &blip_test::skipped<B, decltype(&R::layer_norm)>::call;
  static constexpr auto layer_norm_vjp = &blip_test::skipped<B, decltype(&R::layer_norm_vjp)>::call;
  static constexpr auto attention = &blip_test::skipped<B, decltype(&R::attention)>::call;
  static constexpr auto attention_vjp = &blip_test::skipped<B, decltype(&R::attention_vjp)>::call;
  static constexpr auto embed = &blip_test::skipped<B, decltype(&R::embed)>::call;
  static constexpr auto embed_vjp = &blip_test::skipped<B, decltype(&R::embed_vjp)>::call;
  static constexpr auto patchify = &blip_test::skipped<B, decltype(&R::patchify)>::call;
  static constexpr auto patchify_vjp = &blip_test::skipped<B, decltype(&R::patchify_vjp)>::call;
  static constexpr auto tokens = &blip_test::skipped<B, decltype(&R::tokens)>::call;
  static constexpr auto tokens_vjp = &blip_test::skipped<B, decltype(&R::tokens_vjp)>::call;
  static constexpr auto resize_positions = &blip_test::skipped<B, decltype(&R::resize_positions)>::call;
  static constexpr auto resize_positions_vjp = &blip_test::skipped<B, decltype(&R::resize_positions_vjp)>::call;
  static constexpr auto residual = &blip_test::skipped<B, decltype(&R::residual)>::call;
  static constexpr auto residual_vjp = &blip_test::skipped<B, decltype(&R::residual_vjp)>::call;
  static constexpr auto scale = &blip_test::skipped<B, decltype(&R::scale)>::call;
  static constexpr auto scale_vjp = &blip_test::skipped<B, decltype(&R::scale_vjp)>::call;
  static constexpr auto gather_rows = &blip_test::skipped<B, decltype(&R::gather_rows)>::call;
  static constexpr auto gather_rows_vjp = &blip_test::skipped<B, decltype(&R::gather_rows_vjp)>::call;
  static constexpr auto scatter_rows = &blip_test::skipped<B, decltype(&R::scatter_rows)>::call;
  static constexpr auto scatter_rows_vjp = &blip_test::skipped<B, decltype(&R::scatter_rows_vjp)>::call;
  static constexpr auto copy_columns = &blip_test::skipped<B, decltype(&R::copy_columns)>::call;
  static constexpr auto copy_columns_vjp = &blip_test::skipped<B, decltype(&R::copy_columns_vjp)>::call;
  static constexpr auto l2_normalize = &blip_test::skipped<B, decltype(&R::l2_normalize)>::call;
  static constexpr auto l2_normalize_vjp = &blip_test::skipped<B, decltype(&R::l2_normalize_vjp)>::call;
  static constexpr auto similarity = &blip_test::skipped<B, decltype(&R::similarity)>::call;
  static constexpr auto similarity_vjp = &blip_test::skipped<B, decltype(&R::similarity_vjp)>::call;
  static constexpr auto cross_entropy = &blip_test::skipped<B, decltype(&R::cross_entropy)>::call;
  static constexpr auto cross_entropy_vjp = &blip_test::skipped<B, decltype(&R::cross_entropy_vjp)>::call;
  static constexpr auto soft_cross_entropy = &blip_test::skipped<B, decltype(&R::soft_cross_entropy)>::call;
  static constexpr auto soft_cross_entropy_vjp = &blip_test::skipped<B, decltype(&R::soft_cross_entropy_vjp)>::call;
  static constexpr auto contrast = &blip_test::skipped<B, decltype(&R::contrast)>::call;
  static constexpr auto contrast_vjp = &blip_test::skipped<B, decltype(&R::contrast_vjp)>::call;
  static constexpr auto clamp = &blip_test::skipped<B, decltype(&R::clamp)>::call;
  static constexpr auto weighted_sum = &blip_test::skipped<B, decltype(&R::weighted_sum)>::call;
  static constexpr auto weighted_sum_vjp = &blip_test::skipped<B, decltype(&R::weighted_sum_vjp)>::call;
  static constexpr auto mean_labelled = &blip_test::skipped<B, decltype(&R::mean_labelled)>::call;
  static constexpr auto mean_labelled_vjp = &blip_test::skipped<B, decltype(&R::mean_labelled_vjp)>::call;
  static constexpr auto adamw = &blip_test::skipped<B, decltype(&R::adamw)>::call;
  static constexpr auto squared_norm = &blip_test::skipped<B, decltype(&R::squared_norm)>::call;
  static constexpr auto ema = &blip_test::skipped<B, decltype(&R::ema)>::call;
};

static_assert(kernel_set<blip_test::idle>);

}  // namespace blip::inline BLIP_ABI
