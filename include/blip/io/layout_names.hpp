// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "blip/io/layout_tables.hpp"

namespace blip::inline BLIP_ABI {

// What a parameter is made of in a file: one tensor, or several whose rows follow each other.
struct tensor_source {
  std::vector<std::string> names{};
  element_order order = element_order::same;
};

// Which of our parameters a tensor of a file belongs to.
struct tensor_target {
  std::string name{};
  std::size_t part = 0, parts = 1;
  element_order order = element_order::same;
};

namespace detail {

// "x.{a|b}.y" as "x.a.y", "x.b.y"; a pattern without braces as itself.
[[gnu::cold]] inline std::vector<std::string> expand_parts(std::string_view pattern) {
  const std::size_t open = pattern.find('{'), close = pattern.find('}');
  if (open == pattern.npos || close == pattern.npos) return {std::string(pattern)};
  std::vector<std::string> all;
  for (std::size_t at = open + 1; at <= close;) {
    const std::size_t end = std::min(pattern.find('|', at), close);
    all.push_back(std::string(pattern.substr(0, open)) + std::string(pattern.substr(at, end - at)) +
                  std::string(pattern.substr(close + 1)));
    at = end + 1;
  }
  return all;
}

inline bool has_name(const layout_rules& layout, std::string_view ours) {
  return std::none_of(layout.unknown.begin(), layout.unknown.end(),
                      [&](std::string_view pattern) { return match_name(pattern, ours).has_value(); });
}

}  // namespace detail

// How a parameter of ours is called in a layout: every possibility, the usual one first; empty: it has no name there.
[[gnu::cold]] inline std::vector<tensor_source> names_in(weights_layout layout, std::string_view prefix,
                                                         std::string_view ours) {
  std::vector<tensor_source> all;
  const layout_rules& rules = describe(layout);
  if (!detail::has_name(rules, ours)) return all;
  for (const name_rule& rule : rules.rules) {
    const auto found = match_name(rule.ours, ours);
    if (!found) continue;
    tensor_source source{.order = rule.order};
    for (const std::string& pattern : detail::expand_parts(rule.theirs))
      source.names.push_back(std::string(prefix) + fill_name(pattern, *found));
    all.push_back(std::move(source));
  }
  return all;
}

// The way back: which parameter of ours a tensor of that layout is, or is a part of.
[[gnu::cold]] inline std::optional<tensor_target> our_name(weights_layout layout, std::string_view prefix,
                                                           std::string_view theirs) {
  if (!theirs.starts_with(prefix)) return std::nullopt;
  theirs.remove_prefix(prefix.size());
  const layout_rules& rules = describe(layout);
  for (const name_rule& rule : rules.rules) {
    const std::string_view front = rule.theirs.substr(0, rule.theirs.find_first_of("#*{"));
    if (!theirs.starts_with(front)) continue;
    const std::vector<std::string> patterns = detail::expand_parts(rule.theirs);
    for (std::size_t i = 0; i < patterns.size(); ++i) {
      auto name = rename_by(patterns[i], rule.ours, theirs);
      if (name && detail::has_name(rules, *name))
        return tensor_target{std::move(*name), i, patterns.size(), rule.order};
    }
  }
  return std::nullopt;
}

}  // namespace blip::inline BLIP_ABI
