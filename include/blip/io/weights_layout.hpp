// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI {

// Whose names a file of weights has. The first three hold whole models; the others start a tower before training.
enum class weights_layout {
  official,          // ALBEF's and BLIP's repositories, and this library
  lavis,             // the same names; LAVIS's ALBEF has no token types
  transformers,      // Blip*For* of Hugging Face
  bert,              // BERT, with or without its heads
  vit_timm,          // timm and DeiT
  vit_transformers,  // ViTModel and its like, query, key and value apart
  vit_jax,           // Google's archives of arrays
};

// How the elements of a tensor lie in the file, seen from a parameter [r, c].
enum class element_order {
  same,
  flat,         // the same elements under another shape
  transposed,   // [c, r], either side perhaps as several dimensions
  convolution,  // [height, width, in, out] in place of [out, in, height, width]
};

// How a parameter of this library is called in a layout. Both are patterns (see match_name) with the same signs. In
// `theirs`, {a|b|c} means three tensors whose rows follow each other in the parameter.
struct name_rule {
  std::string_view ours, theirs;
  element_order order = element_order::same;
};

// A layout's names. What no rule matches has no name there.
struct layout_rules {
  weights_layout layout;
  std::string_view name;
  std::span<const name_rule> rules;
  std::array<std::string_view, 3> prefixes{};   // one of these stands before all names of a file
  std::span<const std::string_view> unknown{};  // patterns of our names that have none there, whatever the rules say
  bool whole_models = false;
  std::span<const std::string_view> kept{};  // the same of what only training needs: loading leaves it alone
};

}  // namespace blip::inline BLIP_ABI
