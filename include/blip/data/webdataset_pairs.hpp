// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/core/limits.hpp"
#include "blip/core/one_line.hpp"
#include "blip/data/json_record.hpp"
#include "blip/data/pair_source.hpp"
#include "blip/data/picture_root.hpp"
#include "blip/data/shard_names.hpp"
#include "blip/core/file.hpp"

namespace blip::inline BLIP_ABI {

// Pairs of WebDataset shards: uncompressed tar files in which members of one name up to its first dot, one after the other,
// form a sample: 000017.jpg (or jpeg, png, ppm) and 000017.txt, or 000017.json with a field "caption". The places of all
// members are found once, by their headers; a sample reads its two members and nothing else, so that shards may be
// read in any order and by several threads. Nothing is ever written to the disk. Needs components `webdataset` and `data`.
// Throws io_error; format_error for what is no tar file, is cut off or compressed; a sample that lacks a part throws
// format_error when it is asked for, one above limits::image_bytes or caption_bytes limit_error.
class webdataset_pairs {
 public:
  webdataset_pairs(std::string_view shards, picture_decoder decode, const limits& bounds = {})
      : decode_(std::move(decode)), bounds_(bounds) {
    if (!decode_) throw config_error({"webdataset_pairs: decoder", "a function", "none", {}});
    for (const std::string& name : shard_names(shards, bounds)) {
      shards_.push_back(std::make_unique<input_file>(name));
      scan(shards_.size() - 1);
    }
    if (samples_.empty()) throw format_error({std::string(shards) + ": samples", "at least one", "none", {}});
  }

  std::uint64_t size() const { return samples_.size(); }
  const std::string& name(std::uint64_t i) const { return samples_.at(static_cast<std::size_t>(i)).key; }
  captioned_picture sample(std::uint64_t i) const { return {picture(i), caption(i), name(i)}; }
  image picture(std::uint64_t i) const {
    const entry& e = samples_.at(static_cast<std::size_t>(i));
    if (e.picture.size == 0) throw format_error({where(e), "a picture (jpg, jpeg, png, ppm)", "none", {}});
    std::vector<std::byte> bytes;
    read(e, e.picture, bounds_.image_bytes, bytes);
    return decode_(bytes, where(e));
  }
  std::string caption(std::uint64_t i) const {
    const entry& e = samples_.at(static_cast<std::size_t>(i));
    if (e.text.size == 0 && e.json.size == 0) throw format_error({where(e), "a caption (txt, json)", "none", {}});
    std::string text;
    if (e.text.size > 0) {
      read(e, e.text, bounds_.caption_bytes, text);
      return text;
    }
    read(e, e.json, bounds_.json_string, text);
    return json_record(text, where(e) + ".json", bounds_).text("caption");
  }

 private:
  struct member {
    std::uint64_t begin = 0, size = 0;
  };
  struct entry {
    std::size_t shard;
    std::string key;
    member picture{}, text{}, json{};
  };
  std::string where(const entry& e) const { return shards_[e.shard]->path() + ": " + detail::one_line(e.key); }
  template <class Bytes>
  void read(const entry& e, const member& m, std::uint64_t bound, Bytes& to) const {
    require_within(where(e), "bytes", m.size, bound);
    to.resize(static_cast<std::size_t>(m.size));
    shards_[e.shard]->read(m.begin, std::as_writable_bytes(std::span(to)));
  }
  struct closes {
    void operator()(::archive* a) const { ::archive_read_free(a); }
  };

  void scan(std::size_t shard) {
    const std::string& path = shards_[shard]->path();
    const std::unique_ptr<::archive, closes> tar(::archive_read_new());
    if (!tar) throw std::bad_alloc();
    const auto fail = [&](const std::string& found) {
      throw format_error({path + ": not a readable shard", "an uncompressed tar file, complete", found, {}});
    };
    const auto reason = [&] {
      const char* text = ::archive_error_string(tar.get());
      return std::string(text ? text : "an unknown error").substr(0, 120);
    };
    ::archive_read_support_format_tar(tar.get());
    if (::archive_read_open_filename(tar.get(), path.c_str(), 1u << 16) != ARCHIVE_OK) fail(reason());
    std::string last;
    for (::archive_entry* at = nullptr;;) {
      const int state = ::archive_read_next_header(tar.get(), &at);
      if (state == ARCHIVE_EOF) break;
      if (state != ARCHIVE_OK && state != ARCHIVE_WARN) fail(reason());
      const char* const name = ::archive_entry_pathname(at);
      if (::archive_entry_filetype(at) != AE_IFREG || ::archive_entry_hardlink(at) || name == nullptr) continue;
      const auto size = static_cast<std::uint64_t>(std::max<std::int64_t>(::archive_entry_size(at), 0));
      // What the reader has taken so far is where this member's bytes begin.
      const auto begin = static_cast<std::uint64_t>(::archive_filter_bytes(tar.get(), 0));
      if (::archive_entry_sparse_count(at) > 0) fail("a sparse member");
      if (begin > shards_[shard]->size() || size > shards_[shard]->size() - begin) fail("a member that is cut off");
      add(shard, name, {begin, size}, last);
    }
  }
  void add(std::size_t shard, std::string_view name, member m, std::string& last) {
    if (name.size() > bounds_.name_bytes)
      throw limit_error({shards_[shard]->path() + ": bytes of a member's name", "at most " + std::to_string(bounds_.name_bytes),
                         std::to_string(name.size()), {}});
    const std::size_t slash = name.find_last_of('/');
    const std::size_t dot = name.find('.', slash == name.npos ? 0 : slash + 1);
    if (dot == name.npos || name[dot - (dot > 0)] == '/' || dot == 0) return;  // no ending, or a hidden file
    const std::string_view key = name.substr(0, dot);
    std::string ending(name.substr(dot + 1));
    for (char& c : ending) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool is_picture = ending == "jpg" || ending == "jpeg" || ending == "png" || ending == "ppm";
    if (!is_picture && ending != "txt" && ending != "json") return;
    if (last != key || samples_.empty() || samples_.back().shard != shard) samples_.push_back({shard, std::string(key)});
    last = key;
    entry& e = samples_.back();
    (is_picture ? e.picture : ending == "txt" ? e.text : e.json) = m;
  }

  picture_decoder decode_;
  limits bounds_;
  std::vector<std::unique_ptr<input_file>> shards_;
  std::vector<entry> samples_;
};

}  // namespace blip::inline BLIP_ABI
