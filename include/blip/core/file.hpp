// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "blip/core/error.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

[[noreturn]] inline void throw_io(const std::string& path, const char* doing) {
  throw io_error({path + ": " + doing + " failed", {}, {}, std::strerror(errno)});
}

// An open file descriptor.
class descriptor {
 public:
  descriptor(const std::string& path, int flags, const char* doing)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {
    if (fd_ < 0) throw_io(path, doing);
  }
  descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  descriptor& operator=(descriptor&&) = delete;
  ~descriptor() { close(); }

  int get() const { return fd_; }
  bool close() { return fd_ < 0 || ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

}  // namespace detail

// A file to be read at any place. Reads instead of maps, because a mapped file that another process shortens kills this
// one. Throws io_error.
class input_file {
 public:
  explicit input_file(std::string path) : path_(std::move(path)), fd_(path_, O_RDONLY | O_NONBLOCK, "opening") {  // or a pipe would wait for its writer
    struct stat s {};
    if (::fstat(fd_.get(), &s) != 0) detail::throw_io(path_, "asking for the size");
    if (!S_ISREG(s.st_mode)) throw io_error({path_ + ": not a regular file", {}, {}, {}});
    size_ = static_cast<std::uint64_t>(s.st_size);
  }

  const std::string& path() const { return path_; }
  std::uint64_t size() const { return size_; }

  void read(std::uint64_t offset, std::span<std::byte> to) const {
    while (!to.empty()) {
      const ssize_t n = ::pread(fd_.get(), to.data(), to.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) detail::throw_io(path_, "reading");
      if (n == 0) throw io_error({path_ + ": the file became shorter while it was read", {}, {}, {}});
      offset += static_cast<std::uint64_t>(n);
      to = to.subspan(static_cast<std::size_t>(n));
    }
  }

 private:
  std::string path_;
  detail::descriptor fd_;
  std::uint64_t size_ = 0;
};

// All of a file of at most `bound` bytes, as a std::string or std::vector<std::byte>. Throws io_error, limit_error.
template <class Bytes>
Bytes read_file(const std::string& path, std::uint64_t bound, const char* what = "bytes") {
  const input_file file(path);
  require_within(path, what, file.size(), bound);
  Bytes bytes(static_cast<std::size_t>(file.size()), typename Bytes::value_type{});
  file.read(0, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

namespace detail {

inline constexpr std::string_view part_suffix = ".part";  // and the number of the process, of a file that is not finished

}  // namespace detail

// Writes a file that appears under its name complete or not at all: a temporary one beside it, synced, renamed, the
// folder synced. Without `commit` nothing remains, unless the process is killed (see remove_unfinished_files). Throws
// io_error.
class output_file {
 public:
  explicit output_file(std::string path)
      : path_(std::move(path)),
        temporary_(path_ + std::string(detail::part_suffix) + std::to_string(::getpid())),
        fd_(temporary_, O_WRONLY | O_CREAT | O_TRUNC, "creating") {}
  output_file(const output_file&) = delete;
  output_file& operator=(const output_file&) = delete;
  ~output_file() {
    fd_.close();
    if (!committed_) ::unlink(temporary_.c_str());
  }

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_.get(), bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) detail::throw_io(temporary_, "writing");
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
  }

  void commit() {
    if (::fsync(fd_.get()) != 0) detail::throw_io(temporary_, "syncing");
    if (!fd_.close()) detail::throw_io(temporary_, "closing");
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) detail::throw_io(path_, "renaming");
    committed_ = true;
    const auto slash = path_.find_last_of('/');
    const detail::descriptor folder(slash == std::string::npos ? "." : path_.substr(0, slash + 1), O_RDONLY,
                                    "opening the folder");
    if (::fsync(folder.get()) != 0 && errno != EINVAL) detail::throw_io(path_, "syncing the folder");
  }

 private:
  std::string path_, temporary_;
  detail::descriptor fd_;
  bool committed_ = false;
};

// The bytes of a string or vector as a whole file, complete or not at all. Throws io_error.
template <class Bytes>
void write_file(const std::string& path, const Bytes& bytes) {
  output_file file(path);
  file.write(std::as_bytes(std::span(bytes)));
  file.commit();
}

}  // namespace blip::inline BLIP_ABI
