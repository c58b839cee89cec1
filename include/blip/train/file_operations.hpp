// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <concepts>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "blip/core/file.hpp"

namespace blip::inline BLIP_ABI {

// What a checkpoint store asks of a file system: the system calls, with their conventions (-1 and errno, fewer bytes
// than asked for). A policy, so that a test can fail or die at any of them. Copies of a policy act on the same files.
template <class F>
concept file_operations = std::copy_constructible<F> &&
    requires(F f, const char* path, int file, void* to, const void* from, std::vector<std::string>& names) {
  { f.open(path, int{}) } -> std::same_as<int>;
  { f.read(file, to, std::size_t{}) } -> std::same_as<ssize_t>;
  { f.write(file, from, std::size_t{}) } -> std::same_as<ssize_t>;
  { f.sync(file) } -> std::same_as<int>;
  { f.close(file) } -> std::same_as<int>;
  { f.lock(file) } -> std::same_as<int>;
  { f.rename(path, path) } -> std::same_as<int>;
  { f.make_folder(path) } -> std::same_as<int>;
  { f.remove(path) } -> std::same_as<int>;
  { f.list(path, names) } -> std::same_as<int>;
};

struct posix_files {
  int open(const char* path, int flags) { return ::open(path, flags | O_CLOEXEC, 0666); }
  ssize_t read(int file, void* to, std::size_t bytes) { return ::read(file, to, bytes); }
  ssize_t write(int file, const void* from, std::size_t bytes) { return ::write(file, from, bytes); }
  int sync(int file) { return ::fsync(file); }
  int close(int file) { return ::close(file); }
  int lock(int file) { return ::flock(file, LOCK_EX | LOCK_NB); }
  int rename(const char* from, const char* to) { return std::rename(from, to); }
  int make_folder(const char* path) { return ::mkdir(path, 0777); }
  int remove(const char* path) { return std::remove(path); }  // a file or an empty folder
  int list(const char* folder, std::vector<std::string>& names) {
    DIR* d = ::opendir(folder);
    if (!d) return -1;
    errno = 0;
    while (const dirent* e = ::readdir(d)) {
      const std::string name = e->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    const int failed = errno;
    ::closedir(d);
    errno = failed;
    return failed == 0 ? 0 : -1;
  }
};
static_assert(file_operations<posix_files>);

namespace detail {

template <class F>
auto unless_interrupted(F call) {
  auto r = call();
  while (r < 0 && errno == EINTR) r = call();
  return r;
}

// An open file of a policy. Throws io_error.
template <file_operations Files>
class opened_file {
 public:
  opened_file(Files files, std::string path, int flags, const char* doing)
      : files_(std::move(files)), path_(std::move(path)) {
    id_ = unless_interrupted([&] { return files_.open(path_.c_str(), flags); });
    if (id_ < 0) throw_io(path_, doing);
  }
  opened_file(opened_file&& other) noexcept
      : files_(other.files_), path_(std::move(other.path_)), id_(std::exchange(other.id_, -1)) {}
  opened_file& operator=(opened_file&&) = delete;
  ~opened_file() {
    if (id_ >= 0) files_.close(id_);
  }

  const std::string& path() const { return path_; }

  // Fewer bytes than asked for only at the end of the file.
  std::size_t read(std::span<std::byte> to) {
    std::size_t done = 0;
    while (done < to.size()) {
      const auto n = unless_interrupted([&] { return files_.read(id_, to.data() + done, to.size() - done); });
      if (n < 0) throw_io(path_, "reading");
      if (n == 0) break;
      done += static_cast<std::size_t>(n);
    }
    return done;
  }

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const auto n = unless_interrupted([&] { return files_.write(id_, bytes.data(), bytes.size()); });
      if (n == 0) errno = ENOSPC;
      if (n <= 0) throw_io(path_, "writing");
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
  }

  void sync() {
    // Some file systems cannot sync a folder and say so with EINVAL.
    if (unless_interrupted([&] { return files_.sync(id_); }) != 0 && errno != EINVAL) throw_io(path_, "syncing");
  }

  void close() {
    if (files_.close(std::exchange(id_, -1)) != 0 && errno != EINTR) throw_io(path_, "closing");
  }

  bool lock() {
    return unless_interrupted([&] { return files_.lock(id_); }) == 0;
  }

 private:
  [[no_unique_address]] Files files_;
  std::string path_;
  int id_;
};

// Makes the names in a folder last. Opens it anew: a descriptor whose sync failed once may report success the next
// time.
template <file_operations Files>
void sync_folder(Files files, const std::string& path) {
  opened_file<Files> folder(files, path, O_RDONLY | O_DIRECTORY, "opening the folder");
  folder.sync();
  folder.close();
}

template <file_operations Files>
void rename_path(Files files, const std::string& from, const std::string& to) {
  if (files.rename(from.c_str(), to.c_str()) != 0) throw_io(to, "renaming");
}

template <file_operations Files>
std::vector<std::string> list_folder(Files files, const std::string& path) {
  std::vector<std::string> names;
  if (files.list(path.c_str(), names) != 0) throw_io(path, "listing");
  return names;
}

// A folder and those above it, so that they last.
template <file_operations Files>
void make_folders(Files files, const std::string& path) {
  const auto slash = path.find_last_of('/');
  const std::string above = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  int made = files.make_folder(path.c_str());
  if (made != 0 && errno == ENOENT && above != path) {
    make_folders(files, above);
    made = files.make_folder(path.c_str());
  }
  if (made != 0 && errno == EEXIST) return;
  if (made != 0) throw_io(path, "making the folder");
  sync_folder(files, above);
}

// A file, or a folder with all that it holds; nothing there is as good.
template <file_operations Files>
void remove_all(Files files, const std::string& path) {
  if (files.remove(path.c_str()) == 0 || errno == ENOENT) return;
  if (errno != ENOTEMPTY && errno != EEXIST) throw_io(path, "removing");
  for (const auto& name : list_folder(files, path)) remove_all(files, path + "/" + name);
  if (files.remove(path.c_str()) != 0) throw_io(path, "removing");
}

}  // namespace detail

}  // namespace blip::inline BLIP_ABI
