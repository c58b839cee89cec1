// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <stdexcept>
#include <string>

#include "fuzz/target.hpp"

namespace blip_test {

// A file of memory with a path, for readers that want one. Its content is replaced as often as one likes.
class memory_file {
 public:
  memory_file() : fd_(::memfd_create("input", MFD_CLOEXEC)), path_("/proc/self/fd/" + std::to_string(fd_)) {
    if (fd_ < 0) throw std::runtime_error("memory_file: no file");
  }
  memory_file(const memory_file&) = delete;
  memory_file& operator=(const memory_file&) = delete;
  ~memory_file() { ::close(fd_); }

  // Returns the path.
  const std::string& fill(byte_span bytes) {
    bool good = ::ftruncate(fd_, 0) == 0;
    for (std::size_t at = 0; good && at < bytes.size();) {
      const ssize_t n = ::pwrite(fd_, bytes.data() + at, bytes.size() - at, static_cast<off_t>(at));
      good = n > 0;
      at += good ? static_cast<std::size_t>(n) : 0;
    }
    if (!good) throw std::runtime_error("memory_file: no room");
    return path_;
  }
  const std::string& fill(std::string_view text) { return fill(std::as_bytes(std::span(text.data(), text.size()))); }

 private:
  int fd_;
  std::string path_;
};

}  // namespace blip_test
