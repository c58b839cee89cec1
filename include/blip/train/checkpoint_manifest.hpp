// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/core/limits.hpp"
#include "blip/core/simdjson.hpp"
#include "blip/io/crc32c.hpp"

namespace blip::inline BLIP_ABI {

// A file of a checkpoint and the CRC-32C of each of its blocks; the last block may be shorter.
struct checkpoint_file {
  std::string name;
  std::uint64_t bytes = 0;
  std::vector<std::uint32_t> blocks{};
};

// What a checkpoint consists of. As text, JSON whose last member is the CRC-32C of all that stands before it:
//   {"format":1,"step":7,"block_bytes":64,"files":[{"name":"values","bytes":12,"crc32c":[3735928559]}],"crc32c":81}
struct checkpoint_manifest {
  static constexpr const char* file_name = "manifest.json";
  static constexpr std::uint64_t largest_block = 64u << 20;

  std::int64_t step = 0;
  std::uint64_t block_bytes = 0;
  std::vector<checkpoint_file> files{};
};

namespace detail {

// Nothing that leaves the folder, hides in it or needs quoting.
inline bool is_checkpoint_name(std::string_view name) {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return !name.empty() && name.size() <= 128 && name[0] != '.' && name != checkpoint_manifest::file_name &&
         name.find_first_not_of(allowed) == std::string_view::npos;
}

inline std::string manifest_end(std::string_view body) {
  return ",\"crc32c\":" + std::to_string(crc32c(std::as_bytes(std::span(body)))) + "}\n";
}

inline std::string to_text(const checkpoint_manifest& m) {
  std::string text = "{\"format\":1,\"step\":" + std::to_string(m.step) +
                     ",\"block_bytes\":" + std::to_string(m.block_bytes) + ",\"files\":[";
  for (const auto& f : m.files) {
    if (&f != m.files.data()) text += ',';
    text += "{\"name\":\"" + f.name + "\",\"bytes\":" + std::to_string(f.bytes) + ",\"crc32c\":[";
    for (std::size_t i = 0; i < f.blocks.size(); ++i) {
      if (i > 0) text += ',';
      text += std::to_string(f.blocks[i]);
    }
    text += "]}";
  }
  text += ']';
  return text + manifest_end(text);
}

// The way back; `path` is for messages. Throws format_error.
inline checkpoint_manifest parse_manifest(const std::string& path, const std::string& text, const limits& bounds) {
  const auto require = [&](bool holds, const char* expected) {
    if (!holds) throw format_error({path + ": not the manifest of a checkpoint", expected, "something else", {}});
  };
  const auto comma = text.find_last_of(',');
  const std::string_view body = std::string_view(text).substr(0, comma == std::string::npos ? 0 : comma);
  if (text.substr(body.size()) != manifest_end(body))
    throw format_error({path + ": block 0 is damaged", {}, {}, "the checkpoint cannot be used"});

  simdjson::dom::parser parser;
  if (parser.allocate(text.size(), static_cast<std::size_t>(bounds.json_depth)) != simdjson::SUCCESS)
    throw std::bad_alloc();
  simdjson::dom::element top;
  require(parser.parse(text).get(top) == simdjson::SUCCESS, "a JSON object");
  const auto number = [&](simdjson::dom::element object, const char* key, const char* expected) {
    std::uint64_t n = 0;
    require(object[key].get(n) == simdjson::SUCCESS, expected);
    return n;
  };
  require(number(top, "format", "a format") == 1, "format 1");
  const std::uint64_t step = number(top, "step", "a step");
  require(step <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()), "a step of 63 bits");
  checkpoint_manifest m{static_cast<std::int64_t>(step), number(top, "block_bytes", "block_bytes")};
  require(m.block_bytes > 0 && m.block_bytes <= checkpoint_manifest::largest_block, "blocks of at most 64 MiB");
  simdjson::dom::array files;
  require(top["files"].get(files) == simdjson::SUCCESS, "a list of files");
  std::set<std::string> names;
  for (const auto file : files) {
    std::string_view name;
    require(file["name"].get(name) == simdjson::SUCCESS && is_checkpoint_name(name), "names of files");
    checkpoint_file f{std::string(name), number(file, "bytes", "the bytes of every file")};
    simdjson::dom::array blocks;
    require(file["crc32c"].get(blocks) == simdjson::SUCCESS, "the CRC-32C of every block");
    for (const auto block : blocks) {
      std::uint64_t crc = 0;
      require(block.get(crc) == simdjson::SUCCESS && crc <= 0xffffffffu, "the CRC-32C of every block");
      f.blocks.push_back(static_cast<std::uint32_t>(crc));
    }
    require(f.blocks.size() == f.bytes / m.block_bytes + (f.bytes % m.block_bytes != 0), "as many blocks as there are");
    require(names.insert(f.name).second, "every name once");
    m.files.push_back(std::move(f));
  }
  return m;
}

}  // namespace detail

}  // namespace blip::inline BLIP_ABI
