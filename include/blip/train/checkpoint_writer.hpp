// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <optional>
#include <utility>

#include "blip/train/checkpoint_manifest.hpp"
#include "blip/train/file_operations.hpp"

namespace blip::inline BLIP_ABI {

// Writes the files of one checkpoint, one after the other, each in as many pieces as one likes; never more than one
// block is held. Handed out by checkpoint_store::save.
template <file_operations Files = posix_files>
class checkpoint_writer {
 public:
  checkpoint_writer(Files files, std::string folder, std::int64_t step, std::uint64_t block_bytes)
      : files_(std::move(files)), folder_(std::move(folder)), manifest_{step, block_bytes} {}

  // Appends to the file `name`, which is begun if it is not the current one. A name is letters, digits, '.', '_' and
  // '-'. Throws io_error; config_error for another name, or one that was left for another before.
  void write(std::string_view name, std::span<const std::byte> bytes) {
    if (!current_ || manifest_.files.back().name != name) begin(name);
    auto& f = manifest_.files.back();
    f.bytes += bytes.size();
    const auto block = static_cast<std::size_t>(manifest_.block_bytes);
    while (!bytes.empty()) {
      if (pending_.empty() && bytes.size() >= block) {
        put(bytes.first(block));
        bytes = bytes.subspan(block);
        continue;
      }
      const std::size_t n = std::min(bytes.size(), block - pending_.size());
      pending_.insert(pending_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
      bytes = bytes.subspan(n);
      if (pending_.size() == block) flush();
    }
  }

  // The manifest, last, and the names of all files: from here on the folder is a checkpoint.
  void finish() {
    end();
    opened_file manifest = create(checkpoint_manifest::file_name);
    const std::string text = detail::to_text(manifest_);
    manifest.write(std::as_bytes(std::span(text)));
    manifest.sync();
    manifest.close();
    detail::sync_folder(files_, folder_);
  }

 private:
  using opened_file = detail::opened_file<Files>;

  opened_file create(std::string_view name) {
    return opened_file(files_, folder_ + "/" + std::string(name), O_WRONLY | O_CREAT | O_EXCL, "creating");
  }

  void begin(std::string_view name) {
    const auto fail = [&](const char* expected) {
      throw config_error({"checkpoint_writer: a file \"" + std::string(name) + "\"", expected, "others", {}});
    };
    if (!detail::is_checkpoint_name(name)) fail("names of letters, digits, '.', '_' and '-'");
    for (const auto& f : manifest_.files)
      if (f.name == name) fail("all pieces of a file before the next file");
    end();
    current_.emplace(create(name));
    manifest_.files.push_back({.name = std::string(name)});
  }

  void end() {
    if (!current_) return;
    flush();
    current_->sync();
    current_->close();
    current_.reset();
  }

  void flush() {
    if (!pending_.empty()) put(pending_);
    pending_.clear();
  }

  void put(std::span<const std::byte> block) {
    current_->write(block);
    manifest_.files.back().blocks.push_back(crc32c(block));
  }

  [[no_unique_address]] Files files_;
  std::string folder_;
  checkpoint_manifest manifest_;
  std::optional<opened_file> current_;
  std::vector<std::byte> pending_;
};

}  // namespace blip::inline BLIP_ABI
