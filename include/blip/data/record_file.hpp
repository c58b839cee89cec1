// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/core/file.hpp"
#include "blip/core/limits.hpp"
#include "blip/core/simdjson.hpp"

namespace blip::inline BLIP_ABI {

// A file of many short records: where each lies is found once, its text is read when asked for, by any thread.
//   lines: one record per line (JSONL, TSV); of any length in all; empty lines do not count;
//   list:  one JSON list, of at most limits::json_bytes.
// A record above limits::json_string bytes throws limit_error when it is asked for. Throws io_error; format_error for a list
// that is cut off or followed by something. What a record holds is not looked at here.
class record_file {
 public:
  static record_file lines(const std::string& path, const limits& bounds = {}) {
    record_file f(path, bounds, "line");
    std::vector<char> block(static_cast<std::size_t>(std::min<std::uint64_t>(1u << 20, f.file_->size())));
    std::uint64_t begin = f.mark(), number = 1;
    bool blank = true;
    const auto finish = [&](std::uint64_t end) {
      if (!blank) f.places_.push_back({begin, end - begin, number});
      begin = end + 1, blank = true, ++number;
    };
    for (std::uint64_t at = begin; at < f.file_->size();) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), f.file_->size() - at));
      f.file_->read(at, std::as_writable_bytes(std::span(block.data(), n)));
      for (std::size_t i = 0; i < n; ++i) {
        if (block[i] == '\n')
          finish(at + i);
        else if (block[i] != ' ' && block[i] != '\t' && block[i] != '\r')
          blank = false;
      }
      at += n;
    }
    finish(f.file_->size());
    return f;
  }

  static record_file list(const std::string& path, const limits& bounds = {}) {
    record_file f(path, bounds, "item");
    require_within(path, "bytes of a JSON list", f.file_->size(), bounds.json_bytes,
                   "one record per line (JSONL) may be of any size");
    simdjson::padded_string text(static_cast<std::size_t>(f.file_->size()));
    f.file_->read(0, std::as_writable_bytes(std::span(text.data(), text.size())));
    std::fill_n(text.data(), f.mark(), ' ');
    const auto require = [&](simdjson::error_code e) {
      if (e)
        throw format_error({path + ": not a JSON list", "a list of records, complete",
                            std::string(simdjson::error_message(e)).substr(0, 120), {}});
    };
    simdjson::ondemand::parser parser(text.size() + 1);
    simdjson::ondemand::document document;
    simdjson::ondemand::array items;
    require(parser.iterate(text).get(document));
    require(document.get_array().get(items));
    for (auto item : items) {
      simdjson::ondemand::value value;
      std::string_view raw;
      require(item.get(value));
      require(simdjson::to_json_string(value).get(raw));
      f.places_.push_back({static_cast<std::uint64_t>(raw.data() - text.data()), raw.size(), f.places_.size() + 1});
    }
    const char* rest = nullptr;
    if (document.current_location().get(rest) == simdjson::SUCCESS)
      throw format_error({path + ": not a JSON list", "nothing behind it", "more", {}});
    return f;
  }

  // A list if its first character is [, else lines.
  static record_file open(const std::string& path, const limits& bounds = {}) {
    const record_file plain(path, bounds, "");
    const input_file& file = *plain.file_;
    char first = 0;
    for (std::uint64_t at = plain.mark(); at < std::min<std::uint64_t>(file.size(), 4096); ++at) {
      file.read(at, std::as_writable_bytes(std::span(&first, 1)));
      if (first != ' ' && first != '\t' && first != '\r' && first != '\n') break;
    }
    return first == '[' ? list(path, bounds) : lines(path, bounds);
  }

  std::uint64_t size() const { return places_.size(); }
  const std::string& path() const { return file_->path(); }
  const limits& bounds() const { return bounds_; }
  // "pairs.jsonl: line 7", to begin the text of an error with.
  std::string where(std::uint64_t i) const { return path() + ": " + unit_ + " " + std::to_string(at(i).number); }

  std::string text(std::uint64_t i) const {
    const place& p = at(i);
    require_within(where(i), "bytes", p.length, bounds_.json_string);
    std::string record(static_cast<std::size_t>(p.length), '\0');
    file_->read(p.begin, std::as_writable_bytes(std::span(record)));
    if (record.ends_with('\r')) record.pop_back();
    return record;
  }

 private:
  struct place {
    std::uint64_t begin, length, number;
  };

  record_file(const std::string& path, const limits& bounds, const char* unit)
      : file_(std::make_shared<const input_file>(path)), bounds_(bounds), unit_(unit) {}
  // The bytes of a byte order mark.
  std::uint64_t mark() const {
    std::array<char, 3> first{};
    if (file_->size() >= 3) file_->read(0, std::as_writable_bytes(std::span(first)));
    return first == std::array<char, 3>{'\xef', '\xbb', '\xbf'} ? 3 : 0;
  }
  const place& at(std::uint64_t i) const {
    if (i >= places_.size())
      throw shape_error({path() + ": record", "below " + std::to_string(places_.size()), std::to_string(i), {}});
    return places_[static_cast<std::size_t>(i)];
  }

  std::shared_ptr<const input_file> file_;
  limits bounds_;
  const char* unit_;
  std::vector<place> places_;
};

}  // namespace blip::inline BLIP_ABI
