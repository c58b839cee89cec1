// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "blip/core/file.hpp"

namespace blip::inline BLIP_ABI {

// A file that grows by whole records: one that cannot be written completely is taken back. Every record is with the
// system when `append` returns, so that it survives this process; `sync` makes it survive the machine. Throws io_error.
class append_file {
 public:
  enum class opening { create_or_continue, must_be_new };

  explicit append_file(std::string path, opening how = opening::create_or_continue)
      : path_(std::move(path)),
        fd_(path_, O_WRONLY | O_APPEND | O_CREAT | (how == opening::must_be_new ? O_EXCL : 0), "opening") {
    struct stat s {};
    if (::fstat(fd_.get(), &s) != 0) detail::throw_io(path_, "asking for the size");
    size_ = s.st_size;
  }

  const std::string& path() const { return path_; }

  void append(std::string_view record) {
    for (std::string_view rest = record; !rest.empty();) {
      const ssize_t n = ::write(fd_.get(), rest.data(), rest.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) {
        const int why = errno;
        [[maybe_unused]] const int taken_back = ::ftruncate(fd_.get(), size_);
        errno = why;
        detail::throw_io(path_, "writing");
      }
      rest.remove_prefix(static_cast<std::size_t>(n));
    }
    size_ += static_cast<off_t>(record.size());
  }

  void sync() {
    if (::fsync(fd_.get()) != 0) detail::throw_io(path_, "syncing");
  }

 private:
  std::string path_;
  detail::descriptor fd_;
  off_t size_ = 0;
};

}  // namespace blip::inline BLIP_ABI
