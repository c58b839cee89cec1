// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "blip/core/error.hpp"
#include "blip/data/scenes/render.hpp"
#include "blip/data/scenes/world.hpp"

namespace blip::inline BLIP_ABI::scenes {

// The picture that scenes::pairs::name calls SIZE/SEED/SPLIT/NUMBER, as "nano/0/web/17", and what it shows. Each
// picture has one name: other spellings of a number are none. Throws format_error for a text that is no such name, and
// for a number that the split does not have.
class named_picture {
 public:
  explicit named_picture(std::string_view name) : world_(world_size::nano) {
    const auto fail = [&](const std::string& expected) {
      throw format_error(
          {"the name of a generated picture", expected, "\"" + std::string(name.substr(0, 64)) + "\"", {}});
    };
    std::array<std::string_view, 4> parts;
    std::string_view rest = name;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const std::size_t end = i + 1 < parts.size() ? rest.find('/') : rest.size();
      if (end == rest.npos) fail("SIZE/SEED/SPLIT/NUMBER");
      parts[i] = rest.substr(0, end);
      rest.remove_prefix(end < rest.size() ? end + 1 : end);
    }
    const auto size = place(parts[0], size_names), part = place(parts[2], split_names);
    const auto seed = number(parts[1]), index = number(parts[3]);
    if (!size) fail("a size of a world: nano, mini or base");
    if (!seed) fail("a seed behind the size");
    if (!part) fail("a split behind the seed: human, web, test, web-test or withheld");
    world_ = world(static_cast<world_size>(*size), *seed);
    part_ = static_cast<split>(*part);
    if (!index || *index >= world_.pictures(part_))
      fail("a number up to " + std::to_string(world_.pictures(part_) - 1) + " at the end");
    number_ = *index;
  }

  const world& of() const { return world_; }
  split part() const { return part_; }
  std::uint64_t number() const { return number_; }
  scene shown() const { return world_.at(part_, number_); }
  image picture() const { return render(shown()); }

 private:
  template <std::size_t N>
  static std::optional<std::size_t> place(std::string_view text, const std::array<const char*, N>& names) {
    for (std::size_t i = 0; i < N; ++i)
      if (text == names[i]) return i;
    return std::nullopt;
  }
  static std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t n = 0;
    const auto [end, e] = std::from_chars(text.data(), text.data() + text.size(), n);
    const bool whole = e == std::errc() && end == text.data() + text.size();
    return whole && std::to_string(n) == text ? std::optional(n) : std::nullopt;
  }

  world world_;
  split part_ = split::human;
  std::uint64_t number_ = 0;
};

}  // namespace blip::inline BLIP_ABI::scenes
