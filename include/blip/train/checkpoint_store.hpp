// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip/train/checkpoint_writer.hpp"
#include "blip/train/saved_checkpoint.hpp"

namespace blip::inline BLIP_ABI {

struct checkpoint_options {
  int keep = 2;                          // newest ones that stay, the one just saved included
  std::uint64_t block_bytes = 1u << 20;  // of one CRC-32C
};

namespace detail {

// A folder under the name of a checkpoint: `step-N`, or `step-N.old-K`, which stood in the way of another save of step
// N.
struct checkpoint_folder {
  std::int64_t step;
  std::int64_t copy;  // K; of `step-N` itself the greatest number there is
  std::string name;
};

template <class N>
std::optional<N> parse_number(std::string_view text) {
  N n{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  const bool whole = error == std::errc() && end == text.data() + text.size() && n >= 0;
  return whole && std::to_string(n) == text ? std::optional(n) : std::nullopt;  // one spelling: no zeros in front
}

inline std::optional<checkpoint_folder> parse_checkpoint_folder(std::string_view name) {
  constexpr std::string_view prefix = "step-", aside = ".old-";
  if (!name.starts_with(prefix)) return std::nullopt;
  const auto dot = name.find(aside);
  const auto step = parse_number<std::int64_t>(name.substr(prefix.size(), dot - prefix.size()));
  std::optional<std::int64_t> copy = std::numeric_limits<std::int64_t>::max();
  if (dot != std::string_view::npos) copy = parse_number<std::int32_t>(name.substr(dot + aside.size()));
  if (!step || !copy) return std::nullopt;
  return checkpoint_folder{*step, *copy, std::string(name)};
}

// Newest first, and of one step the one that was saved last first.
template <file_operations Files>
std::vector<checkpoint_folder> checkpoint_folders(Files files, const std::string& folder) {
  std::vector<checkpoint_folder> found;
  for (const auto& name : list_folder(files, folder))
    if (auto f = parse_checkpoint_folder(name)) found.push_back(std::move(*f));
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return std::pair(a.step, a.copy) > std::pair(b.step, b.copy); });
  return found;
}

// The step that LATEST names, or -1 if there is no sense in it.
template <file_operations Files>
std::int64_t latest_step(Files files, const std::string& folder) {
  try {
    opened_file<Files> file(files, folder + "/LATEST", O_RDONLY, "opening");
    std::string text(64, '\0');
    text.resize(file.read(std::as_writable_bytes(std::span(text))));
    if (text.ends_with('\n')) text.pop_back();
    const auto named = parse_checkpoint_folder(text);
    return named ? named->step : -1;
  } catch (const io_error&) {
    return -1;
  }
}

}  // namespace detail

// The checkpoint to go on from: the one that LATEST names if all of it verifies, else the newest that does; none if
// there is none. `skipped` hears why a candidate was not taken. Changes nothing, so that others may look while a run
// saves.
template <file_operations Files = posix_files>
std::optional<saved_checkpoint<Files>> newest_checkpoint(
    const std::string& folder, function_ref<void(const error&)> skipped = [](const error&) {}, Files files = {}) {
  auto candidates = detail::checkpoint_folders(files, folder);
  const std::int64_t latest = detail::latest_step(files, folder);
  std::stable_partition(candidates.begin(), candidates.end(), [&](const auto& c) { return c.step == latest; });
  for (const auto& c : candidates) {
    try {
      saved_checkpoint<Files> found(folder + "/" + c.name, files);
      if (found.step() != c.step)
        throw format_error({found.folder() + ": step", std::to_string(c.step), std::to_string(found.step()), {}});
      found.verify();
      return found;
    } catch (const error& e) {
      skipped(e);
    }
  }
  return std::nullopt;
}

// The checkpoints of one training run, so kept that a process which dies at any instant, or a machine that loses its
// power, leaves a store that loads without a manual step. A save
//   writes `step-N.tmp-<pid>/` with its files and, last, their manifest; syncs all of it; reads it back and verifies
//   it; renames it to `step-N`, syncs the folder; replaces LATEST in the same manner; removes what is older than the
//   newest n.
// One store at a time has a folder: a second one is an io_error. Source of the order: T. S. Pillai et al., "All file
// systems are not created equal" (OSDI 2014).
template <file_operations Files = posix_files>
class checkpoint_store {
 public:
  // Makes the folder and removes what an interrupted save left. Throws io_error, config_error.
  explicit checkpoint_store(std::string folder, checkpoint_options o = {}, Files files = {})
      : files_(std::move(files)), folder_(std::move(folder)), options_(o) {
    if (o.keep < 1)
      throw config_error({"checkpoint_store: checkpoints to keep", "1 or more", std::to_string(o.keep), {}});
    if (o.block_bytes < 1 || o.block_bytes > checkpoint_manifest::largest_block)
      throw config_error({"checkpoint_store: block_bytes", "1 to 64 MiB", std::to_string(o.block_bytes), {}});
    detail::make_folders(files_, folder_);
    lock_.emplace(files_, folder_, O_RDONLY | O_DIRECTORY, "opening the folder");
    if (!lock_->lock()) {
      // Some network file systems have no locks; only a lock that another holds is an answer.
      if (errno == EWOULDBLOCK)
        throw io_error({folder_ + ": another process is training into this folder", {}, {}, "wait for it or stop it"});
    }
    for (const auto& name : detail::list_folder(files_, folder_)) {
      const bool ours = name.starts_with("step-") || name.starts_with("LATEST");
      if (ours && name.find(".tmp-") != std::string::npos) detail::remove_all(files_, path(name));
    }
  }

  const std::string& folder() const { return folder_; }

  std::optional<saved_checkpoint<Files>> newest(function_ref<void(const error&)> skipped = [](const error&) {}) const {
    return newest_checkpoint<Files>(folder_, skipped, files_);
  }

  // Saves what `write` gives to a checkpoint_writer<Files>& as step N >= 0. Throws io_error, format_error when it does
  // not read back as written, and whatever `write` throws; the checkpoints there were are then as they were.
  template <class F>
  void save(std::int64_t step, F&& write) {
    static_assert(std::is_invocable_v<F&, checkpoint_writer<Files>&>,
                  "blip::checkpoint_store: save takes a callable of checkpoint_writer&");
    if (step < 0) throw config_error({"checkpoint_store: step", "0 or more", std::to_string(step), {}});
    const std::string name = "step-" + std::to_string(step), part = path(temporary(name));
    detail::remove_all(files_, part);
    try {
      detail::make_folders(files_, part);
      checkpoint_writer<Files> writer(files_, part, step, options_.block_bytes);
      write(writer);
      writer.finish();
      saved_checkpoint<Files>(part, files_).verify();
      publish(part, name);
    } catch (...) {
      try {
        detail::remove_all(files_, part);
      } catch (const error&) {  // the first one is the one to tell
      }
      throw;
    }
    detail::sync_folder(files_, folder_);
    point_latest_to(name);
    prune(step);
  }

 private:
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  static std::string temporary(const std::string& name) { return name + ".tmp-" + std::to_string(::getpid()); }

  // A folder cannot be renamed onto another: an earlier save of the same step steps aside, and still counts until
  // pruned.
  void publish(const std::string& part, const std::string& name) {
    if (files_.rename(part.c_str(), path(name).c_str()) == 0) return;
    if (errno != EEXIST && errno != ENOTEMPTY) detail::throw_io(path(name), "renaming");
    std::int64_t copy = 0;
    for (const auto& f : detail::checkpoint_folders(files_, folder_))
      if (f.name.starts_with(name + ".old-")) copy = std::max(copy, f.copy + 1);
    detail::rename_path(files_, path(name), path(name + ".old-" + std::to_string(copy)));
    detail::rename_path(files_, part, path(name));
  }

  void point_latest_to(const std::string& name) {
    const std::string part = path(temporary("LATEST")), text = name + "\n";
    detail::opened_file<Files> file(files_, part, O_WRONLY | O_CREAT | O_TRUNC, "creating");
    file.write(std::as_bytes(std::span(text)));
    file.sync();
    file.close();
    detail::rename_path(files_, part, path("LATEST"));
    detail::sync_folder(files_, folder_);
  }

  // Renamed first, so that a checkpoint in pieces never has a checkpoint's name. Newer ones are none of our business:
  // they may belong to a run that was wound back.
  void prune(std::int64_t step) {
    int kept = 0;
    std::int64_t last = -1;
    for (const auto& f : detail::checkpoint_folders(files_, folder_)) {
      if (f.step > step) continue;
      if (f.step != last && kept < options_.keep) {
        ++kept, last = f.step;
        continue;
      }
      const std::string doomed = path(temporary(f.name));
      detail::remove_all(files_, doomed);
      detail::rename_path(files_, path(f.name), doomed);
      detail::remove_all(files_, doomed);
    }
  }

  [[no_unique_address]] Files files_;
  std::string folder_;
  checkpoint_options options_;
  std::optional<detail::opened_file<Files>> lock_;
};

}  // namespace blip::inline BLIP_ABI
