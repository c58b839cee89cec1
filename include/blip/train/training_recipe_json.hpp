// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/core/file.hpp"
#include "blip/core/limits.hpp"
#include "blip/core/simdjson.hpp"
#include "blip/data/nearest_word.hpp"
#include "blip/train/run_log.hpp"
#include "blip/train/training_recipe.hpp"

namespace blip::inline BLIP_ABI {

// The options that stand in a JSON object, the rest as in `otherwise`. `path` is for messages. Throws format_error (no
// object, an option twice or of another type), config_error (an option that there is not, and the nearest one; a value
// that cannot be used), limit_error.
inline training_recipe parse_recipe(const std::string& path, std::string_view text, training_recipe otherwise = {},
                                    const limits& bounds = {}) {
  require_within(path, "bytes of the file", text.size(), bounds.json_string);
  simdjson::dom::parser parser;
  if (parser.allocate(std::max<std::size_t>(text.size(), 1), static_cast<std::size_t>(bounds.json_depth)) !=
      simdjson::SUCCESS)
    throw std::bad_alloc();
  simdjson::dom::object top;
  if (parser.parse(text.data(), text.size()).get(top) != simdjson::SUCCESS)
    throw format_error({path + ": not a file of options", "a JSON object", "something else", {}});
  std::vector<std::string_view> known, seen;
  each_option(otherwise, [&](std::string_view name, const auto&) { known.push_back(name); });
  for (const auto [key, value] : top) {
    if (key == "comment") continue;
    static_cast<void>(place_of_word(path + ": an option", key, known));
    if (std::find(seen.begin(), seen.end(), key) != seen.end())
      throw format_error({path + ": " + std::string(key), "an option once", "twice", {}});
    seen.push_back(key);
    each_option(otherwise, [&, &wanted = key, &given = value](std::string_view name, auto& member) {
      if (name != wanted) return;
      using M = std::remove_reference_t<decltype(member)>;
      const auto fail = [&](const char* expected) {
        throw format_error({path + ": " + std::string(name), expected, simdjson::minify(given).substr(0, 64), {}});
      };
      if constexpr (std::same_as<M, std::string>) {
        std::string_view v;
        if (given.get(v) != simdjson::SUCCESS) fail("a text");
        member = v;
      } else if constexpr (std::same_as<M, bool>) {
        if (given.get(member) != simdjson::SUCCESS) fail("true or false");
      } else if constexpr (std::same_as<M, double>) {
        if (given.get(member) != simdjson::SUCCESS) fail("a number");
      } else {
        std::int64_t v = 0;
        if (given.get(v) != simdjson::SUCCESS || !std::in_range<M>(v)) fail("a whole number");
        member = static_cast<M>(v);
      }
    });
  }
  check_recipe(otherwise);
  return otherwise;
}

inline training_recipe read_recipe(const std::string& path, training_recipe otherwise = {}, const limits& bounds = {}) {
  return parse_recipe(path, read_file<std::string>(path, bounds.json_string, "bytes of the file"), std::move(otherwise),
                      bounds);
}

// All options as a JSON object, one a line, in a fixed order.
inline std::string to_json(const training_recipe& r) {
  std::string out = "{";
  each_option(r, [&](std::string_view name, const auto& member) {
    using M = std::remove_cvref_t<decltype(member)>;
    out += out.size() > 1 ? ",\n  " : "\n  ";
    detail::append_json_string(out, name), out += ": ";
    if constexpr (std::same_as<M, std::string>)
      detail::append_json_string(out, detail::as_utf8(member));
    else if constexpr (std::same_as<M, bool>)
      out += member ? "true" : "false";
    else if constexpr (std::same_as<M, double>)
      detail::append_json_number(out, member);
    else
      out += std::to_string(member);
  });
  return out + "\n}\n";
}

}  // namespace blip::inline BLIP_ABI
