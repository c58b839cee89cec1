// SPDX-License-Identifier: Apache-2.0
//
// Structure is in the type, sizes of data are not: equal configurations are one type, and widths come out as written.
#include <concepts>
#include <utility>

#include "blip/autograd/checkpoint.hpp"
#include "blip/backend/reference.hpp"
#include "blip/layers/lm_head.hpp"
#include "blip/models/text_transformer.hpp"
#include "blip/models/vit.hpp"
#include "blip/ops/concat.hpp"
#include "blip/ops/l2_normalize.hpp"
#include "blip/ops/similarity.hpp"

namespace {

using namespace blip;
using B = reference<float>;

// However a configuration is written, equal values are one type.
static_assert(std::same_as<linear<linear_config{.in = 5, .out = 3}, B>, linear<linear_config{5, 3, true}, B>>);
static_assert(!std::same_as<linear<linear_config{.in = 5, .out = 3}, B>, linear<linear_config{.in = 3, .out = 5}, B>>);
static_assert(
    !std::same_as<linear<linear_config{.in = 5, .out = 3}, B>, linear<linear_config{.in = 5, .out = 3}, cpu>>);

// Depth, picture size, vocabulary and rates are no part of it.
using vit_b = vit<vit_b16.structure, B>;
static_assert(std::same_as<vit_b, vit<vit_config{.width = 768, .heads = 12, .hidden = 3072}, B>>);
static_assert(std::constructible_from<vit_b, vit_options>);
static_assert(
    std::same_as<vit_b::block_type, transformer_block<block_config{.width = 768, .heads = 12, .hidden = 3072}, B>>);
static_assert(!std::same_as<vit_b, vit<vit_l16.structure, B>>);
static_assert(!std::same_as<text_transformer<albef_text.structure, B>, text_transformer<blip_text.structure, B>>);

// A layer holds structure, no values: its size does not grow with its width, and what is absent takes no room.
static_assert(sizeof(linear<linear_config{.in = 768, .out = 3072}, B>) ==
              sizeof(linear<linear_config{.in = 5, .out = 3}, B>));
static_assert(sizeof(vit_b) == sizeof(vit<vit_l16.structure, B>));
static_assert(sizeof(attention<attention_config{.width = 6, .heads = 3}, B>) <
              sizeof(attention<attention_config{.width = 6, .heads = 3, .context = 6}, B>));

// Widths of results. The same for a tape that records and for one that does not.
template <class Layer, class... A>
using forward_result = decltype(std::declval<const Layer&>().forward(std::declval<A>()...));

template <class T>
constexpr bool widths() {
  using std::declval;
  using x5 = const var<T, 5>&;
  using x6 = const var<T, 6>&;
  using rows = const sequence_layout&;
  using cross = attention<attention_config{.width = 6, .heads = 3, .context = 5}, B>;
  static_assert(std::same_as<forward_result<linear<linear_config{.in = 5, .out = 3}, B>, T&, x5>, var<T, 3>>);
  static_assert(std::same_as<forward_result<layer_norm<5, B>, T&, x5>, var<T, 5>>);
  static_assert(std::same_as<forward_result<lm_head<5, B>, T&, x5, const parameter&>, scores<T>>);
  static_assert(std::same_as<forward_result<vit_b, T&, const images<T>&>, var<T, 768>>);
  static_assert(std::same_as<decltype(declval<const cross&>().project(declval<T&>(), declval<x5>())), var<T, 12>>);
  static_assert(
      std::same_as<decltype(declval<const cross&>().read(declval<T&>(), declval<x6>(), declval<const var<T, 12>&>(),
                                                         declval<rows>(), declval<rows>())),
                   var<T, 6>>);
  static_assert(std::same_as<decltype(ops::concat_columns(declval<T&>(), declval<x5>(), declval<x6>())), var<T, 11>>);
  static_assert(std::same_as<decltype(ops::concat_rows(declval<T&>(), declval<x5>(), declval<x5>())), var<T, 5>>);
  static_assert(std::same_as<decltype(ops::l2_normalize(declval<T&>(), declval<x5>())), var<T, 5>>);
  static_assert(std::same_as<decltype(ops::similarity(declval<T&>(), declval<x5>(), declval<x5>())), scores<T>>);
  return true;
}
static_assert(widths<recording_tape<B>>() && widths<inference_tape<B>>());

}  // namespace
