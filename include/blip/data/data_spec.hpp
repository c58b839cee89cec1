// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/data/nearest_word.hpp"
#include "blip/data/scenes/world.hpp"

namespace blip::inline BLIP_ABI {

enum class data_kind : std::uint8_t { scenes, coco, jsonl, tsv, webdataset, folder, vqa, nlvr, snli_ve, refcoco };
inline constexpr std::array<std::string_view, 10> data_kind_names{
    "scenes", "coco", "jsonl", "tsv", "webdataset", "folder", "vqa", "nlvr", "snli-ve", "refcoco"};

// Where data come from, as one writes it: KIND:TARGET[,key=value...].
struct data_spec {
  data_kind kind = data_kind::scenes;
  std::string target;                    // a file, a folder, shards, or the size of a world
  std::string root{};                    // pictures lie below it
  double weight = 1;                     // among several
  std::uint64_t seed = 0;                // of a world
  std::optional<scenes::split> part{};   // of a world; empty: human and web

  scenes::world_size size() const {
    return static_cast<scenes::world_size>(
        place_of_word("data spec: size of the scenes", target, std::array<std::string_view, 3>{"nano", "mini", "base"}));
  }
};

namespace detail {

template <class T>
T number_of_spec(std::string_view key, std::string_view text, const char* expected) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty())
    throw config_error({"data spec: " + std::string(key), expected, "\"" + one_line(text, 64) + "\"", {}});
  return value;
}

}  // namespace detail

// Reads a spec: scenes:SIZE[,seed=N][,split=human|web|test|web-test|withheld], KIND:FILE[,root=DIR]; each may have
// ,weight=X. What stands behind the first comma are options; a name with a comma in it needs another name. Throws
// config_error that names what is valid and nearest.
inline data_spec parse_data_spec(std::string_view text) {
  const std::size_t colon = text.find(':');
  data_spec spec;
  spec.kind = static_cast<data_kind>(
      place_of_word("data spec: kind", text.substr(0, std::min(colon, text.size())), data_kind_names));
  if (colon == text.npos)
    throw config_error({"data spec", detail::one_line(text, 64) + ":...", "\"" + detail::one_line(text, 64) + "\"",
                        "for example scenes:nano or jsonl:pairs.jsonl,root=pictures"});
  text.remove_prefix(colon + 1);
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  spec.target = parts[0];
  const bool generated = spec.kind == data_kind::scenes;
  if (generated)
    static_cast<void>(spec.size());
  else if (spec.target.empty())
    throw config_error({"data spec: " + std::string(data_kind_names[static_cast<std::size_t>(spec.kind)]),
                        "a file or folder behind the colon", "nothing", {}});
  std::vector<std::string_view> keys{"weight"};
  if (generated)
    keys.insert(keys.end(), {"seed", "split"});
  else
    keys.push_back("root");
  std::vector<std::string_view> seen;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::size_t equals = std::min(parts[i].find('='), parts[i].size());
    const std::string_view key = keys[place_of_word("data spec: option", parts[i].substr(0, equals), keys)];
    const std::string_view value = parts[i].substr(std::min(equals + 1, parts[i].size()));
    if (std::find(seen.begin(), seen.end(), key) != seen.end())
      throw config_error({"data spec: " + std::string(key), "once", "twice", {}});
    seen.push_back(key);
    if (key == "weight") {
      spec.weight = detail::number_of_spec<double>(key, value, "a number above 0");
      if (!(spec.weight > 0 && spec.weight <= 1e9))
        throw config_error({"data spec: weight", "a number above 0", detail::one_line(value, 64), {}});
    } else if (key == "seed") {
      spec.seed = detail::number_of_spec<std::uint64_t>(key, value, "a whole number from 0 on");
    } else if (key == "split") {
      constexpr std::array<std::string_view, 5> names{"human", "web", "test", "web-test", "withheld"};
      spec.part = static_cast<scenes::split>(place_of_word("data spec: split", value, names));
    } else {
      spec.root = value;
    }
  }
  return spec;
}

}  // namespace blip::inline BLIP_ABI
