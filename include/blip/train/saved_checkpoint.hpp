// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <utility>

#include "blip/core/function_ref.hpp"
#include "blip/train/checkpoint_manifest.hpp"
#include "blip/train/file_operations.hpp"

namespace blip::inline BLIP_ABI {

// A checkpoint on disk. The constructor reads the manifest; every later read compares each block with the CRC-32C
// there. Damage is a format_error whose `where` is "FOLDER/FILE: block K is damaged"; refusals of the system are
// io_error.
template <file_operations Files = posix_files>
class saved_checkpoint {
 public:
  explicit saved_checkpoint(std::string folder, Files files = {}, const limits& bounds = {})
      : files_(std::move(files)), folder_(std::move(folder)) {
    file_type file(files_, folder_ + "/" + checkpoint_manifest::file_name, O_RDONLY, "opening");
    std::string text;
    for (std::size_t n = 1; n > 0;) {
      const std::size_t before = text.size();
      text.resize(before + (std::size_t{1} << 16));
      n = file.read(std::as_writable_bytes(std::span(text).subspan(before)));
      text.resize(before + n);
      if (text.size() > bounds.json_bytes)
        throw limit_error({file.path() + ": bytes", "at most " + std::to_string(bounds.json_bytes), "more", {}});
    }
    manifest_ = detail::parse_manifest(file.path(), text, bounds);
  }

  const std::string& folder() const { return folder_; }
  std::int64_t step() const { return manifest_.step; }
  const std::vector<checkpoint_file>& files() const { return manifest_.files; }
  const checkpoint_file* find(std::string_view name) const {
    const auto at =
        std::find_if(files().begin(), files().end(), [&](const checkpoint_file& f) { return f.name == name; });
    return at == files().end() ? nullptr : &*at;
  }

  // A whole file into memory of exactly its size; what `to` holds after an exception is not specified.
  void read(std::string_view name, std::span<std::byte> to) const {
    const checkpoint_file& f = require(name);
    if (f.bytes != to.size())
      throw shape_error({folder_ + "/" + f.name + ": bytes", std::to_string(to.size()), std::to_string(f.bytes), {}});
    check(
        f, [&](std::uint64_t at, std::size_t n) { return to.subspan(static_cast<std::size_t>(at), n); },
        [](std::uint64_t, std::span<const std::byte>) {});
  }

  std::vector<std::byte> read(std::string_view name) const {
    std::vector<std::byte> bytes;
    each_block(name,
               [&](std::uint64_t, std::span<const std::byte> b) { bytes.insert(bytes.end(), b.begin(), b.end()); });
    return bytes;
  }

  // Calls f(offset, bytes) for one verified block after the other: a file need not fit into memory.
  void each_block(std::string_view name, function_ref<void(std::uint64_t, std::span<const std::byte>)> f) const {
    const checkpoint_file& file = require(name);
    std::vector<std::byte> block(static_cast<std::size_t>(std::min(manifest_.block_bytes, file.bytes)));
    check(
        file, [&](std::uint64_t, std::size_t n) { return std::span(block).first(n); }, f);
  }

  // Reads everything once.
  void verify() const {
    for (const auto& f : files()) each_block(f.name, [](std::uint64_t, std::span<const std::byte>) {});
  }

 private:
  using file_type = detail::opened_file<Files>;

  const checkpoint_file& require(std::string_view name) const {
    if (const auto* f = find(name)) return *f;
    throw format_error(
        {folder_ + "/" + std::string(name) + " is missing", {}, {}, "the checkpoint is of another kind"});
  }

  void check(const checkpoint_file& f, function_ref<std::span<std::byte>(std::uint64_t, std::size_t)> place,
             function_ref<void(std::uint64_t, std::span<const std::byte>)> use) const {
    file_type file(files_, folder_ + "/" + f.name, O_RDONLY, "opening");
    const auto fail = [&](std::uint64_t block, std::string expected, std::string found) {
      throw format_error({file.path() + ": block " + std::to_string(block) + " is damaged", std::move(expected),
                          std::move(found), "the checkpoint cannot be used"});
    };
    for (std::uint64_t i = 0; i < f.blocks.size(); ++i) {
      const std::uint64_t at = i * manifest_.block_bytes;
      const auto n = static_cast<std::size_t>(std::min(manifest_.block_bytes, f.bytes - at));
      const std::span<std::byte> block = place(at, n);
      if (const auto got = file.read(block); got < n)
        fail(i, std::to_string(f.bytes) + " bytes", std::to_string(at + got) + " in all");
      const std::uint32_t expected = f.blocks[static_cast<std::size_t>(i)], found = crc32c(block);
      if (found != expected) fail(i, "CRC-32C " + std::to_string(expected), std::to_string(found));
      use(at, block);
    }
    std::byte more{};
    if (file.read(std::span(&more, 1)) > 0)
      fail(f.bytes / manifest_.block_bytes, std::to_string(f.bytes) + " bytes", "more");
  }

  [[no_unique_address]] Files files_;
  std::string folder_;
  checkpoint_manifest manifest_;
};

}  // namespace blip::inline BLIP_ABI
