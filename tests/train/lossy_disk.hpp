// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace blip_test {

// A disk in memory that knows what was synced, and a machine that loses its power after the k-th operation. It promises
// no more than POSIX does: syncing a file saves its bytes but not its name, syncing a folder its names but not their
// bytes.
class lossy_disk {
 public:
  enum class loss { nothing, all_unsynced, torn_at_512, torn_at_4096, names_without_bytes, names_with_zeros };
  static constexpr loss losses[] = {loss::nothing,      loss::all_unsynced,        loss::torn_at_512,
                                    loss::torn_at_4096, loss::names_without_bytes, loss::names_with_zeros};

  void lose_power_after(long operations) { disk_->left = operations; }
  bool off() const { return disk_->left == 0; }

  // What the next start finds.
  lossy_disk restarted(loss l) const {
    lossy_disk next;
    next.disk_->root = recover(*disk_->root, l);
    return next;
  }

  int open(const char* path, int flags) {
    return operate([&]() -> int {
      const auto [folder, name] = place(path);
      if (!folder) return fail(ENOENT);
      const auto at = folder->entries.find(name);
      auto n = name == "." ? disk_->root : at == folder->entries.end() ? nullptr : at->second;
      if (!n && !(flags & O_CREAT)) return fail(ENOENT);
      if (n && (flags & O_EXCL)) return fail(EEXIST);
      if (n && (flags & O_DIRECTORY) && !n->folder) return fail(ENOTDIR);
      if (!n) folder->entries[name] = n = std::make_shared<node>();
      if (flags & O_TRUNC) n->bytes.clear();
      disk_->open[++disk_->last] = {n, 0};
      return disk_->last;
    });
  }
  ssize_t read(int file, void* to, std::size_t bytes) {
    return operate([&]() -> ssize_t {
      auto& [n, at] = disk_->open.at(file);
      const std::size_t count = std::min(bytes, n->bytes.size() - at);
      if (count > 0) std::memcpy(to, n->bytes.data() + at, count);
      at += count;
      return static_cast<ssize_t>(count);
    });
  }
  ssize_t write(int file, const void* from, std::size_t bytes) {
    return operate([&]() -> ssize_t {
      auto& [n, at] = disk_->open.at(file);
      n->bytes.replace(at, bytes, static_cast<const char*>(from), bytes);
      at += bytes;
      return static_cast<ssize_t>(bytes);
    });
  }
  int sync(int file) {
    return operate([&] {
      node& n = *disk_->open.at(file).first;
      n.synced_bytes = n.bytes, n.synced_entries = n.entries;
      return 0;
    });
  }
  int close(int file) {
    return operate([&] { return disk_->open.erase(file) == 1 ? 0 : fail(EBADF); });
  }
  int lock(int) {
    return operate([] { return 0; });
  }
  int rename(const char* from, const char* to) {
    return operate([&] {
      const auto [a, old_name] = place(from);
      const auto [b, new_name] = place(to);
      if (!a || !b || !a->entries.count(old_name)) return fail(ENOENT);
      const auto at = b->entries.find(new_name);
      if (at != b->entries.end() && !at->second->entries.empty()) return fail(ENOTEMPTY);
      b->entries[new_name] = a->entries.at(old_name);
      a->entries.erase(old_name);
      return 0;
    });
  }
  int make_folder(const char* path) {
    return operate([&] {
      const auto [folder, name] = place(path);
      if (!folder) return fail(ENOENT);
      if (folder->entries.count(name)) return fail(EEXIST);
      (folder->entries[name] = std::make_shared<node>())->folder = true;
      return 0;
    });
  }
  int remove(const char* path) {
    return operate([&] {
      const auto [folder, name] = place(path);
      if (!folder || !folder->entries.count(name)) return fail(ENOENT);
      if (!folder->entries.at(name)->entries.empty()) return fail(ENOTEMPTY);
      folder->entries.erase(name);
      return 0;
    });
  }
  int list(const char* path, std::vector<std::string>& names) {
    return operate([&] {
      const auto [folder, name] = place(path);
      if (!folder || !folder->entries.count(name)) return fail(ENOENT);
      for (const auto& [n, _] : folder->entries.at(name)->entries) names.push_back(n);
      return 0;
    });
  }

 private:
  struct node {
    bool folder = false;
    std::string bytes{}, synced_bytes{};
    std::map<std::string, std::shared_ptr<node>> entries{}, synced_entries{};
  };
  struct state {
    std::shared_ptr<node> root = std::make_shared<node>(node{.folder = true});
    std::map<int, std::pair<std::shared_ptr<node>, std::size_t>> open{};
    int last = 2;
    long left = -1;  // operations until the power goes; negative: it stays
  };

  static int fail(int error) { return errno = error, -1; }

  // Once the power is off nothing happens any more, whatever destructors and handlers still try.
  template <class F>
  auto operate(F f) -> decltype(f()) {
    if (off()) return fail(EIO);
    const auto r = f();
    if (disk_->left > 0) --disk_->left;
    return r;
  }

  // The folder that a path is in, and its last name.
  std::pair<node*, std::string> place(std::string path) const {
    node* at = disk_->root.get();
    for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/')) {
      const auto next = at->entries.find(path.substr(0, slash));
      if (next == at->entries.end()) return {nullptr, {}};
      at = next->second.get();
      path.erase(0, slash + 1);
    }
    return {at, path};
  }

  static std::shared_ptr<node> recover(const node& n, loss l) {
    auto r = std::make_shared<node>();
    r->folder = n.folder;
    for (const auto& [name, entry] : l == loss::all_unsynced ? n.synced_entries : n.entries)
      r->entries[name] = recover(*entry, l);
    const auto torn = [&](std::size_t sector) {
      return n.bytes == n.synced_bytes ? n.bytes : n.bytes.substr(0, n.bytes.size() / 2 / sector * sector);
    };
    r->bytes = l == loss::nothing        ? n.bytes
               : l == loss::torn_at_512  ? torn(512)
               : l == loss::torn_at_4096 ? torn(4096)
                                         : n.synced_bytes;
    if (l == loss::names_with_zeros) r->bytes.resize(n.bytes.size(), '\0');
    r->synced_bytes = r->bytes, r->synced_entries = r->entries;
    return r;
  }

  std::shared_ptr<state> disk_ = std::make_shared<state>();
};

}  // namespace blip_test
