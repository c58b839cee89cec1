// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "blip/io/checkpoint_rewrite.hpp"
#include "blip/io/layout_names.hpp"

namespace blip::inline BLIP_ABI {

// A layout and what stands before all names.
struct found_layout {
  weights_layout layout = weights_layout::official;
  std::string prefix{};
  std::size_t names = 0;  // how many of the names speak for it
};

namespace detail {

// With what the names of whole models begin, in the official layout. Any other name is no sign of it.
inline constexpr std::array<std::string_view, 10> official_parts{
    "visual_encoder", "text_encoder", "text_decoder", "vision_proj", "text_proj",
    "itm_head",       "cls_head",     "ta_head",      "temp",        "image_queue"};

inline bool is_official(std::string_view name) {
  const std::string_view part = name.substr(0, name.find('.'));
  return std::any_of(official_parts.begin(), official_parts.end(), [&](std::string_view p) {
    return part == p || (part.size() == p.size() + 2 && part.starts_with(p) && part.ends_with("_m"));
  });
}

// Calls f(layout, prefix) for every layout and each of its prefixes.
template <class F>
void each_layout(F f) {
  for (const layout_rules& rules : weights_layouts)
    for (std::size_t i = 0; i < rules.prefixes.size(); ++i)
      if (std::find(rules.prefixes.begin(), rules.prefixes.begin() + static_cast<std::ptrdiff_t>(i),
                    rules.prefixes[i]) == rules.prefixes.begin() + static_cast<std::ptrdiff_t>(i))
        f(rules, rules.prefixes[i]);
}

}  // namespace detail

// The names of a file in the official form, those that have one; without `prefix`.
inline std::vector<std::string> official_names(weights_layout layout, std::string_view prefix,
                                               std::span<const std::string> names) {
  std::vector<std::string> all;
  for (const std::string& name : names)
    if (auto ours = our_name(layout, prefix, name)) all.push_back(std::move(ours->name));
  return all;
}

// Which layout the names of a file have: the one that knows the most of them. ALBEF's text encoder (cross-attention not
// in the first layer) without token types is LAVIS's; its other files are called as the official ones.
[[gnu::cold]] inline found_layout recognise_layout(std::span<const std::string> names) {
  found_layout best;
  detail::each_layout([&](const layout_rules& rules, std::string_view prefix) {
    std::size_t known = 0;
    for (const std::string& name : names) {
      const auto ours = our_name(rules.layout, prefix, name);
      known += ours && detail::is_official(ours->name);
    }
    if (known > best.names) best = {rules.layout, std::string(prefix), known};
  });
  if (best.layout == weights_layout::official && detail::encoder_of(names).cross_from > 0 &&
      std::none_of(names.begin(), names.end(), [](const std::string& n) {
        return match_name("text_encoder*.token_type_embeddings.weight", n).has_value();
      }))
    best.layout = weights_layout::lavis;
  return best;
}

}  // namespace blip::inline BLIP_ABI
