// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "blip/core/file.hpp"
#include "blip/core/limits.hpp"
#include "blip/core/one_line.hpp"
#include "blip/core/simdjson.hpp"

namespace blip::inline BLIP_ABI {

// One member of a zip archive. Places count from the file's start.
struct zip_entry {
  std::string name;
  bool deflated = false;
  std::uint32_t crc = 0;
  std::uint64_t stored = 0, bytes = 0;           // bytes in the file, and when inflated
  std::uint64_t header = 0, begin = 0, end = 0;  // local header, data, and the first byte of what comes next
};

namespace detail {

// A number as the file stores it, at a place known to be there.
template <class T>
T little(const std::byte* at) {
  static_assert(std::endian::native == std::endian::little, "blip::detail::little: zip and pickle are little-endian");
  T v;
  std::memcpy(&v, at, sizeof v);
  return v;
}

// The sizes and the place of an entry in either header; those that do not fit are in the ZIP64 field.
struct zip_sizes {
  std::uint64_t bytes = 0, stored = 0, header = 0;
};

}  // namespace detail

// The directory of a zip archive, read strictly: one way to read the file is the only way. The end record ends the
// file and the directory ends at it; local headers repeat what the directory says; members lie one after the other
// from the first byte to the directory, without holes, overlap or duplicates; nothing is encrypted or split; names stay
// below their root. Stored and deflated members, ZIP64, data descriptors. Throws io_error, format_error, limit_error.
// Source: PKWARE's APPNOTE 6.3.10; the rules against disagreeing readers: docs of CPython's zipfile, D. Fifield 2019.
class zip_file {
 public:
  explicit zip_file(const std::string& path, const limits& bounds = {})
      : zip_file(std::make_shared<const input_file>(path), bounds) {}
  [[gnu::cold]] explicit zip_file(std::shared_ptr<const input_file> file, const limits& bounds = {})
      : file_(std::move(file)) {
    const place directory = find_directory(bounds);
    std::vector<std::byte> bytes(static_cast<std::size_t>(directory.size));
    file_->read(directory.begin, bytes);
    read_directory(bytes, directory, bounds);
    std::vector<std::pair<std::uint64_t, std::size_t>> order;
    for (std::size_t i = 0; i < entries_.size(); ++i) order.emplace_back(entries_[i].header, i);
    std::sort(order.begin(), order.end());
    std::uint64_t at = 0;
    for (const auto& [header, i] : order) {
      zip_entry& e = entries_[i];
      if (header != at)
        fail("members one after the other", header < at ? "overlapping ones" : "a hole before it", e.name);
      check_local_header(e, directory.begin);
      at = e.end;
    }
    if (at != directory.begin) fail("a directory right behind the members", "something between them");
  }

  const std::string& path() const { return file_->path(); }
  const std::shared_ptr<const input_file>& file() const { return file_; }
  const std::vector<zip_entry>& entries() const { return entries_; }
  const zip_entry* find(std::string_view name) const {
    const auto at = index_.find(std::string(name));
    return at == index_.end() ? nullptr : &entries_[at->second];
  }

  [[noreturn, gnu::cold]] void fail(std::string_view expected, std::string_view found, std::string_view where = {},
                                    std::string_view hint = {}) const {
    throw format_error({path() + ": damaged zip archive" + (where.empty() ? "" : " (" + detail::one_line(where) + ")"),
                        expected, found, hint});
  }

 private:
  struct place {
    std::uint64_t begin = 0, size = 0, entries = 0;
  };

  static constexpr std::uint64_t end_bytes = 22, locator_bytes = 20, end64_bytes = 56;
  static constexpr std::uint32_t all16 = 0xffffu, all32 = 0xffffffffu;

  [[gnu::cold]] void require_within(const char* what, std::uint64_t found, std::uint64_t bound,
                                    std::string_view of = {}) const {
    if (found > bound)
      throw limit_error({path() + ": " + detail::one_line(what + std::string(of.empty() ? "" : " of ").append(of)),
                         "at most " + std::to_string(bound),
                         std::to_string(found),
                         {}});
  }
  template <std::size_t N>
  std::array<std::byte, N> bytes_at(std::uint64_t offset) const {
    std::array<std::byte, N> b{};
    file_->read(offset, b);
    return b;
  }

  [[gnu::cold]] place find_directory(const limits& bounds) const {
    const std::uint64_t size = file_->size();
    if (size < end_bytes) fail("an end record of 22 bytes", std::to_string(size) + " bytes in all");
    std::uint64_t end = size - end_bytes;
    const auto r = bytes_at<end_bytes>(end);
    if (detail::little<std::uint32_t>(r.data()) != 0x06054b50u || detail::little<std::uint16_t>(r.data() + 20) != 0)
      fail("an end record without comment as its last 22 bytes", "something else", {}, "the file may be incomplete");
    const auto disk = detail::little<std::uint16_t>(r.data() + 4), first = detail::little<std::uint16_t>(r.data() + 6);
    const std::uint64_t here = detail::little<std::uint16_t>(r.data() + 8);
    place d{detail::little<std::uint32_t>(r.data() + 16), detail::little<std::uint32_t>(r.data() + 12),
            detail::little<std::uint16_t>(r.data() + 10)};
    if ((disk != 0 && disk != all16) || (first != 0 && first != all16) || here != d.entries)
      fail("an archive in one piece", "one of several disks");
    const place small = d;
    if (end >= locator_bytes && detail::little<std::uint32_t>(bytes_at<4>(end - locator_bytes).data()) == 0x07064b50u)
      d = read_end64(end = end - locator_bytes);
    const auto agrees = [](std::uint64_t narrow, std::uint64_t wide, std::uint32_t full) {
      return narrow == wide || narrow == full;
    };
    if (!agrees(small.begin, d.begin, all32) || !agrees(small.size, d.size, all32) ||
        !agrees(small.entries, d.entries, all16))
      fail("the same directory in both end records", "two");
    if (d.size > end || d.begin != end - d.size)
      fail("a directory that ends where the end record begins",
           std::to_string(d.size) + " bytes at byte " + std::to_string(d.begin));
    require_within("members", d.entries, bounds.zip_entries);
    require_within("bytes of the directory", d.size, bounds.zip_directory_bytes);
    return d;
  }

  // `end` is the place of the locator; comes out as that of the record it leads to.
  [[gnu::cold]] place read_end64(std::uint64_t& end) const {
    const auto locator = bytes_at<locator_bytes>(end);
    const auto at = detail::little<std::uint64_t>(locator.data() + 8);
    if (detail::little<std::uint32_t>(locator.data() + 4) != 0 ||
        detail::little<std::uint32_t>(locator.data() + 16) != 1 || end < end64_bytes || at != end - end64_bytes)
      fail("a ZIP64 locator that names the record before it", "byte " + std::to_string(at));
    const auto r = bytes_at<end64_bytes>(end = at);
    const auto wide = [&](int offset) { return detail::little<std::uint64_t>(r.data() + offset); };
    if (detail::little<std::uint32_t>(r.data()) != 0x06064b50u || wide(4) != end64_bytes - 12 || wide(16) != 0 ||
        wide(24) != wide(32))
      fail("a ZIP64 end record of one disk", "something else", "byte " + std::to_string(at));
    return {wide(48), wide(40), wide(32)};
  }

  [[gnu::cold]] void read_directory(std::span<const std::byte> bytes, const place& d, const limits& bounds) {
    std::uint64_t at = 0;
    for (std::uint64_t i = 0; i < d.entries; ++i) {
      const std::string where = "directory, byte " + std::to_string(d.begin + at);
      const std::byte* h = bytes.data() + at;
      if (bytes.size() - at < 46 || detail::little<std::uint32_t>(h) != 0x02014b50u)
        fail("a directory of " + std::to_string(d.entries) + " entries", "no entry", where);
      const auto narrow = [&](int offset) { return detail::little<std::uint16_t>(h + offset); };
      const std::uint64_t name = narrow(28), extra = narrow(30), comment = narrow(32);
      if (bytes.size() - at - 46 < name + extra + comment) fail("an entry within the directory", "a longer one", where);
      require_within("bytes of a name", name, bounds.name_bytes);
      zip_entry e{.name = std::string(reinterpret_cast<const char*>(h) + 46, name)};
      check_name(e.name, where);
      if ((narrow(8) & ~0x080eu) != 0)
        fail("a plain member", (narrow(8) & 1) != 0 ? "an encrypted one" : "flags of another kind", e.name);
      if (narrow(10) != 0 && narrow(10) != 8)
        fail("stored or deflated bytes", "compression method " + std::to_string(narrow(10)), e.name);
      if (narrow(34) != 0 && narrow(34) != all16) fail("an archive in one piece", "one of several disks", e.name);
      e.deflated = narrow(10) == 8;
      e.crc = detail::little<std::uint32_t>(h + 16);
      const auto sizes = read_sizes({detail::little<std::uint32_t>(h + 24), detail::little<std::uint32_t>(h + 20),
                                     detail::little<std::uint32_t>(h + 42)},
                                    {h + 46 + name, static_cast<std::size_t>(extra)}, e.name);
      e.stored = sizes.stored, e.bytes = sizes.bytes, e.header = sizes.header;
      if (!e.deflated && e.stored != e.bytes) fail("a stored member of one size", "two sizes", e.name);
      if (e.stored > d.begin) fail("a member within the file", std::to_string(e.stored) + " bytes", e.name);
      if (e.deflated) {
        require_within("inflated bytes", e.bytes, bounds.inflated_bytes, e.name);
        if (e.bytes > 1032 * (e.stored + 1))  // 258 bytes for 2 bits is the best that deflate can do
          fail("a size that deflate can reach", std::to_string(e.bytes) + " from " + std::to_string(e.stored), e.name);
      }
      if (!index_.emplace(e.name, entries_.size()).second) fail("every name once", "twice", e.name);
      entries_.push_back(std::move(e));
      at += 46 + name + extra + comment;
    }
    if (at != bytes.size()) fail("a directory of " + std::to_string(d.entries) + " entries", "more bytes");
  }

  [[gnu::cold]] void check_name(const std::string& name, const std::string& where) const {
    if (name.empty() || name[0] == '/' || name.find('\0') != name.npos || name.find('\\') != name.npos ||
        ("/" + name + "/").find("/../") != name.npos || !simdjson::validate_utf8(name.data(), name.size()))
      fail("the name of a member below the archive's root", "another", where);
  }

  // Takes the numbers that are all ones from the ZIP64 field, in their order.
  [[gnu::cold]] detail::zip_sizes read_sizes(detail::zip_sizes s, std::span<const std::byte> extra,
                                             const std::string& name) const {
    std::span<const std::byte> wide;
    while (!extra.empty()) {
      const std::size_t size = extra.size() < 4 ? extra.size() : detail::little<std::uint16_t>(extra.data() + 2);
      if (extra.size() < 4 || extra.size() - 4 < size) fail("extra fields within their entry", "a longer one", name);
      if (detail::little<std::uint16_t>(extra.data()) == 1) {
        if (!wide.empty()) fail("one ZIP64 field", "two", name);
        wide = extra.subspan(4, size);
      }
      extra = extra.subspan(4 + size);
    }
    for (std::uint64_t* v : {&s.bytes, &s.stored, &s.header}) {
      if (*v != all32) continue;
      if (wide.size() < 8) fail("a ZIP64 field with every size that needs one", "none", name);
      *v = detail::little<std::uint64_t>(wide.data());
      wide = wide.subspan(8);
    }
    return s;
  }

  // Fills in begin and end.
  [[gnu::cold]] void check_local_header(zip_entry& e, std::uint64_t directory) const {
    if (e.header > directory || directory - e.header < 30 + e.name.size())
      fail("a local header before the directory", "byte " + std::to_string(e.header), e.name);
    const auto h = bytes_at<30>(e.header);
    const auto narrow = [&](int offset) { return detail::little<std::uint16_t>(h.data() + offset); };
    const auto extra = narrow(28);
    e.begin = e.header + 30 + e.name.size() + extra;
    if (detail::little<std::uint32_t>(h.data()) != 0x04034b50u || narrow(26) != e.name.size())
      fail("a local header with the directory's name", "another", e.name);
    if (e.begin > directory || directory - e.begin < e.stored)
      fail("a member that ends before the directory",
           std::to_string(e.stored) + " bytes at byte " + std::to_string(e.begin), e.name);
    std::vector<std::byte> rest(e.name.size() + extra);
    file_->read(e.header + 30, rest);
    if (std::memcmp(rest.data(), e.name.data(), e.name.size()) != 0)
      fail("a local header with the directory's name", "another", e.name);
    if ((narrow(6) & ~0x080eu) != 0 || narrow(8) != (e.deflated ? 8 : 0))
      fail("a local header with the directory's flags and method", "others", e.name);
    const bool described = (narrow(6) & 8) != 0;  // checksum and sizes follow the data; the header may leave them 0
    const auto crc = detail::little<std::uint32_t>(h.data() + 14);
    const auto sizes =
        read_sizes({detail::little<std::uint32_t>(h.data() + 22), detail::little<std::uint32_t>(h.data() + 18), 0},
                   std::span(rest).subspan(e.name.size()), e.name);
    const bool same = crc == e.crc && sizes.stored == e.stored && sizes.bytes == e.bytes;
    if (!same && !(described && crc == 0 && sizes.stored == 0 && sizes.bytes == 0))
      fail("a local header with the directory's checksum and sizes", "others", e.name);
    e.end = e.begin + e.stored + (described ? descriptor_bytes(e, directory) : 0);
  }

  // Descriptors come with or without a signature, with sizes of 4 or 8 bytes; the directory says what must be in them.
  [[gnu::cold]] std::uint64_t descriptor_bytes(const zip_entry& e, std::uint64_t directory) const {
    const std::uint64_t at = e.begin + e.stored;
    std::array<std::byte, 24> b{};
    const auto there = std::min<std::uint64_t>(b.size(), directory - at);
    file_->read(at, std::span(b).first(static_cast<std::size_t>(there)));
    for (const std::size_t sign : {4u, 0u}) {
      if (sign == 4 && detail::little<std::uint32_t>(b.data()) != 0x08074b50u) continue;
      const std::byte* d = b.data() + sign;
      if (detail::little<std::uint32_t>(d) != e.crc) continue;
      if (there >= sign + 20 && detail::little<std::uint64_t>(d + 4) == e.stored &&
          detail::little<std::uint64_t>(d + 12) == e.bytes)
        return sign + 20;
      if (there >= sign + 12 && detail::little<std::uint32_t>(d + 4) == e.stored &&
          detail::little<std::uint32_t>(d + 8) == e.bytes)
        return sign + 12;
    }
    fail("a data descriptor with the directory's checksum and sizes", "another", e.name);
  }

  std::shared_ptr<const input_file> file_;
  std::vector<zip_entry> entries_;
  std::unordered_map<std::string, std::size_t> index_;
};

}  // namespace blip::inline BLIP_ABI
