// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/core/file.hpp"
#include "blip/core/limits.hpp"
#include "blip/io/crc32c.hpp"
#include "blip/train/append_file.hpp"
#include "blip/train/capfilt_options.hpp"
#include "blip/train/capfilt_record.hpp"
#include "blip/train/file_operations.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

// The CRC-32C of the first so many bytes of a file; none if it has fewer.
inline std::optional<std::uint32_t> crc32c_of(const input_file& file, std::uint64_t bytes) {
  if (file.size() < bytes) return std::nullopt;
  std::vector<std::byte> block(1u << 20);
  std::uint32_t crc = 0;
  for (std::uint64_t at = 0; at < bytes;) {
    const auto part =
        std::span(block).first(static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), bytes - at)));
    file.read(at, part);
    crc = crc32c(part, crc);
    at += part.size();
  }
  return crc;
}

}  // namespace detail

// A file of lines that grows over days and survives kills: lines go to FILE.part, FILE.run.json says how many of its
// bytes are sound and what the report was then; FILE appears when all is done, in one go, and FILE.run.json stays with
// it. Going on cuts FILE.part to the sound bytes, having verified them. One process at a time has FILE.part. Throws
// io_error.
class capfilt_output {
 public:
  // `fresh`: the report to begin with. Throws config_error when there is something and it is_refused, and, naming the
  // first fact that differs, when it was begun under other facts; format_error when it is damaged and is_resumed.
  capfilt_output(std::string path, run_facts facts, capfilt_report fresh, earlier_output how, const limits& bounds = {})
      : path_(std::move(path)), bounds_(bounds) {
    for (const std::string& p : {path_, part_, state_})
      if (how == earlier_output::is_refused && there(p))
        throw config_error(
            {"capfilt: " + path_, "no earlier output", p, "resume it, replace it, or choose another name"});
    if (std::error_code none; std::filesystem::is_directory(path_, none))
      throw config_error({"capfilt: " + path_, "the name of a file", "a folder", {}});
    if (there(part_)) lock(O_RDWR);
    if (how == earlier_output::is_resumed || how == earlier_output::is_resumed_if_sound) {
      try {
        if (resume(facts)) return;
      } catch (const error& e) {
        if (how == earlier_output::is_resumed || e.code() != error_code::format) throw;
      }
    }
    if (!lock_) lock(O_RDWR | O_CREAT | O_EXCL);
    // The record first: without it, a part that is not empty belongs to nobody.
    now_ = {.facts = std::move(facts), .report = std::move(fresh)};
    write_record();
    open_part();
  }

  const std::string& path() const { return path_; }
  bool finished() const { return now_.finished; }
  capfilt_report& report() { return now_.report; }  // to be changed between two calls

  // Whole lines, of which `report` tells already.
  void append(std::string_view lines) {
    file_->append(lines);
    now_.bytes += lines.size();
    now_.crc = crc32c(std::as_bytes(std::span(lines)), now_.crc);
  }
  // From here on a kill costs nothing of what was appended.
  void save() {
    file_->sync();
    write_record();
  }
  void finish() {
    now_.finished = true;
    save();
    publish();
  }

 private:
  static bool there(const std::string& p) {
    std::error_code none;
    return std::filesystem::exists(p, none);
  }

  void lock(int flags) {
    lock_.emplace(posix_files{}, part_, flags, "opening");
    if (!lock_->lock() && errno == EWOULDBLOCK)  // some network file systems have no locks
      throw io_error({part_ + ": another process is writing this output", {}, {}, "wait for it or stop it"});
  }

  // Whether there was something to go on from. What was finished but for its name gets it.
  bool resume(const run_facts& facts) {
    const std::uint64_t size = lock_ ? input_file(part_).size() : 0;
    if (!there(state_)) {
      if (size == 0 && !there(path_)) return false;
      throw format_error({path_ + ": going on with an output", "its record " + state_, "none",
                          "have the output replaced, or choose another one"});
    }
    now_ = detail::parse_capfilt_record(state_, read_file<std::string>(state_, bounds_.json_bytes), bounds_);
    require_same_facts(path_, now_.facts, facts);
    if (now_.finished && (!lock_ || size == 0) && sound(path_, true)) {
      if (lock_) detail::remove_all(posix_files{}, part_);  // of a replacement that was killed before it began
      return true;
    }
    if (!lock_ && now_.bytes == 0 && !now_.finished) lock(O_RDWR | O_CREAT | O_EXCL);
    if (!lock_ || !sound(part_, false))
      throw format_error({part_ + ": going on with an output",
                          std::to_string(now_.bytes) + " bytes as they were written", "others",
                          "have the output replaced, or choose another one"});
    open_part();
    if (now_.finished) publish();
    return true;
  }

  bool sound(const std::string& p, bool whole) const {
    if (!there(p)) return false;
    const input_file file(p);
    return (!whole || file.size() == now_.bytes) && detail::crc32c_of(file, now_.bytes) == now_.crc;
  }

  void open_part() {
    std::error_code refused;
    std::filesystem::resize_file(part_, now_.bytes, refused);
    if (refused) throw io_error({part_ + ": cutting off what is not sound failed", {}, {}, refused.message()});
    file_.emplace(part_);
  }

  std::string folder() const {
    const auto slash = path_.find_last_of('/');
    return slash == std::string::npos ? "." : path_.substr(0, slash + 1);
  }

  void write_record() {
    const std::string next = state_ + ".part", text = detail::to_text(now_);
    detail::opened_file<posix_files> file(posix_files{}, next, O_WRONLY | O_CREAT | O_TRUNC, "creating");
    file.write(std::as_bytes(std::span(text)));
    file.sync();
    file.close();
    detail::rename_path(posix_files{}, next, state_);
    detail::sync_folder(posix_files{}, folder());
  }

  void publish() {
    detail::rename_path(posix_files{}, part_, path_);
    detail::sync_folder(posix_files{}, folder());
  }

  std::string path_, part_ = path_ + ".part", state_ = path_ + ".run.json";
  limits bounds_;
  detail::capfilt_record now_;
  std::optional<detail::opened_file<posix_files>> lock_;  // of FILE.part, for as long as this lives
  std::optional<append_file> file_;
};

}  // namespace blip::inline BLIP_ABI
