// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <signal.h>

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include "blip/core/file.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

// The process that writes a file of this name, if it is a temporary one of output_file.
inline std::optional<pid_t> writer_of(std::string_view name) {
  const auto at = name.rfind(part_suffix);
  if (at == 0 || at == name.npos) return {};
  const std::string_view digits = name.substr(at + part_suffix.size());
  pid_t id = 0;
  const auto [end, e] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
  if (e != std::errc() || end != digits.data() + digits.size() || id <= 0) return {};
  return id;
}

}  // namespace detail

// Removes what processes that were killed while they wrote have left in a folder and those below it: the temporary files
// of output_file whose process is no more. Those of a process that runs stay, and so does everything else; links are not
// followed. Gives how many there were. For folders that one machine writes into. Throws io_error.
inline std::int64_t remove_unfinished_files(const std::filesystem::path& folder) {
  std::error_code failed;
  std::vector<std::filesystem::path> left;
  using walk = std::filesystem::recursive_directory_iterator;
  for (walk at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    std::error_code gone;
    if (at->symlink_status(gone).type() != std::filesystem::file_type::regular) continue;
    const auto writer = detail::writer_of(at->path().filename().string());
    if (writer && ::kill(*writer, 0) != 0 && errno == ESRCH) left.push_back(at->path());
  }
  if (failed) throw io_error({folder.string() + ": looking through the folder failed", {}, {}, failed.message()});
  for (const std::filesystem::path& p : left)
    if (std::filesystem::remove(p, failed); failed)
      throw io_error({p.string() + ": removing failed", {}, {}, failed.message()});
  return static_cast<std::int64_t>(left.size());
}

}  // namespace blip::inline BLIP_ABI
