// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI {

// What the signs of a pattern stood for, in their order.
struct name_captures {
  std::array<std::string_view, 4> texts{};
  std::size_t count = 0;
};

namespace detail {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr bool match_from(std::string_view pattern, std::string_view text, name_captures& found) {
  const std::size_t signs = pattern.find_first_of("#*");
  const std::string_view plain = pattern.substr(0, signs);
  if (!text.starts_with(plain)) return false;
  if (signs == pattern.npos) return text.size() == plain.size();
  text.remove_prefix(plain.size());
  const char sign = pattern[signs];
  pattern.remove_prefix(signs + 1);
  const std::size_t at = found.count++;
  if (sign == '#') {
    std::size_t digits = 0;
    while (digits < text.size() && is_digit(text[digits])) ++digits;
    found.texts[at] = text.substr(0, digits);
    const bool number = digits == 1 || (digits > 1 && text[0] != '0');
    if (number && match_from(pattern, text.substr(digits), found)) return true;
  } else {
    const char next = pattern.empty() || pattern[0] == '#' || pattern[0] == '*' ? '\0' : pattern[0];
    for (std::size_t length = text.size() + 1; length-- > 0;) {  // the longest first
      if (pattern.empty() ? length < text.size() : next != '\0' && (length == text.size() || text[length] != next))
        continue;
      found.texts[at] = text.substr(0, length);
      if (match_from(pattern, text.substr(length), found)) return true;
    }
  }
  found.count = at;
  return false;
}

// The signs of a pattern, for rules that must have the same ones on both sides.
constexpr bool same_signs(std::string_view a, std::string_view b) {
  std::size_t i = 0, j = 0;
  while (true) {
    i = a.find_first_of("#*", i), j = b.find_first_of("#*", j);
    if (i == a.npos || j == b.npos) return i == j;
    if (a[i++] != b[j++]) return false;
  }
}

}  // namespace detail

// Whether a name has the form of a pattern, in which # stands for a number (without zeros in front) and * for any text,
// four of them at most:  "blocks.#.norm1.*"  matches  "blocks.11.norm1.weight".
constexpr std::optional<name_captures> match_name(std::string_view pattern, std::string_view name) {
  name_captures found;
  if (!detail::match_from(pattern, name, found)) return std::nullopt;
  return found;
}

// The pattern with its signs replaced in their order.
inline std::string fill_name(std::string_view pattern, const name_captures& with) {
  std::string name;
  std::size_t next = 0;
  for (const char c : pattern) {
    if (c == '#' || c == '*')
      name += with.texts[next++];
    else
      name += c;
  }
  return name;
}

// A name of the form `from` in the form `to`; none when it has another form.
inline std::optional<std::string> rename_by(std::string_view from, std::string_view to, std::string_view name) {
  const auto found = match_name(from, name);
  if (!found) return std::nullopt;
  return fill_name(to, *found);
}

}  // namespace blip::inline BLIP_ABI
