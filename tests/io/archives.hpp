// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>
#include <zlib.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "blip/core/error.hpp"

// Builds zip archives, pickles and checkpoints byte by byte, right or wrong, for the tests of their readers.
namespace blip_test {

struct scratch_folder {
  std::filesystem::path path;
  explicit scratch_folder(const char* name)
      : path(std::filesystem::temp_directory_path() /
             ("blip_" + std::string(name) + std::to_string(::getpid()) + "_" + std::to_string(count++))) {
    std::filesystem::create_directories(path);
  }
  inline static int count = 0;
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;
  ~scratch_folder() { std::filesystem::remove_all(path); }
  std::string put(const std::string& name, const std::string& bytes) const {
    std::filesystem::remove(path / name);  // a new file is not synced when it is closed, a truncated one may be
    std::ofstream(path / name, std::ios::binary) << bytes;
    return (path / name).string();
  }
};

inline std::string contents(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

template <class T>
std::string raw(T v) {
  std::string s(sizeof v, '\0');
  std::memcpy(s.data(), &v, sizeof v);
  return s;
}
template <class T>
std::string raw(const std::vector<T>& values) {
  std::string s;
  for (const T v : values) s += raw(v);
  return s;
}
inline std::string u16(std::uint64_t v) { return raw(static_cast<std::uint16_t>(v)); }
inline std::string u32(std::uint64_t v) { return raw(static_cast<std::uint32_t>(v)); }
inline std::string u64(std::uint64_t v) { return raw(v); }

inline std::string deflated(const std::string& bytes) {
  z_stream s{};
  deflateInit2(&s, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&s, static_cast<uLong>(bytes.size())), '\0');
  s.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data())), s.avail_in = static_cast<uInt>(bytes.size());
  s.next_out = reinterpret_cast<Bytef*>(out.data()), s.avail_out = static_cast<uInt>(out.size());
  deflate(&s, Z_FINISH);
  out.resize(s.total_out);
  deflateEnd(&s);
  return out;
}

struct zip_part {
  std::string name, bytes{};
  bool deflate = false;
  int descriptor = 0;     // bytes of the data descriptor: 0, 12, 16, 20 or 24
  bool wide = false;      // sizes in ZIP64 fields
  std::string padding{};  // extra field of the local header
};

// What may be wrong about an archive.
struct zip_faults {
  std::string between{}, before_directory{}, comment{};
  bool end64 = false, repeat = false;  // with ZIP64 end records; the last entry twice in the directory
  std::uint64_t count_off = 0;
};

inline std::string make_zip(const std::vector<zip_part>& parts, const zip_faults& faults = {}) {
  std::string file, directory, entry;
  for (const zip_part& p : parts) {
    const std::string stored = p.deflate ? deflated(p.bytes) : p.bytes;
    const std::uint64_t crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(p.bytes.data()), p.bytes.size());
    const std::string wide = p.wide ? u16(1) + u16(16) + u64(p.bytes.size()) + u64(stored.size()) : "";
    const std::string sizes = p.wide ? u32(0xffffffff) + u32(0xffffffff) : u32(stored.size()) + u32(p.bytes.size());
    const std::string front = u16(45) + u16(p.descriptor ? 8 : 0) + u16(p.deflate ? 8 : 0) + u32(0);
    const std::uint64_t at = file.size();
    file += u32(0x04034b50) + front + (p.descriptor ? std::string(12, '\0') : u32(crc) + sizes) + u16(p.name.size()) +
            u16((p.descriptor ? 0 : wide.size()) + p.padding.size()) + p.name + (p.descriptor ? "" : wide) + p.padding +
            stored;
    if (p.descriptor == 16 || p.descriptor == 24) file += u32(0x08074b50);
    if (p.descriptor == 12 || p.descriptor == 16) file += u32(crc) + u32(stored.size()) + u32(p.bytes.size());
    if (p.descriptor == 20 || p.descriptor == 24) file += u32(crc) + u64(stored.size()) + u64(p.bytes.size());
    file += faults.between;
    entry = u32(0x02014b50) + u16(45) + front + u32(crc) + sizes + u16(p.name.size()) + u16(wide.size()) + u16(0) +
            u16(0) + u16(0) + u32(0) + u32(at) + p.name + wide;
    directory += entry;
  }
  if (faults.repeat) directory += entry;
  const std::uint64_t count = parts.size() + (faults.repeat ? 1 : 0) + faults.count_off;
  file += faults.before_directory;
  const std::uint64_t begin = file.size(), end64 = begin + directory.size();
  file += directory;
  if (faults.end64)
    file += u32(0x06064b50) + u64(44) + u16(45) + u16(45) + u32(0) + u32(0) + u64(count) + u64(count) +
            u64(directory.size()) + u64(begin) + u32(0x07064b50) + u32(0) + u64(end64) + u32(1);
  return file + u32(0x06054b50) + u16(0) + u16(0) + u16(count) + u16(count) + u32(directory.size()) + u32(begin) +
         u16(faults.comment.size()) + faults.comment;
}

// Pieces of pickles.
inline std::string p_text(const std::string& s) { return "X" + u32(s.size()) + s; }
inline std::string p_int(std::int64_t v) {
  return v >= 0 && v < 256 ? "K" + raw(static_cast<std::uint8_t>(v)) : "\x8a\x08" + raw(v);
}
inline std::string p_global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string p_tuple(const std::vector<std::int64_t>& v) {
  std::string s = "(";
  for (const std::int64_t x : v) s += p_int(x);
  return s + "t";
}
inline std::string p_call(const std::string& f, const std::string& arguments) { return f + "(" + arguments + "tR"; }
inline const std::string p_ordered = p_global("collections", "OrderedDict") + ")R";
inline std::string p_dict(const std::vector<std::pair<std::string, std::string>>& items) {
  std::string s = "}(";
  for (const auto& [key, value] : items) s += p_text(key) + value;
  return s + "u";
}
inline std::string p_storage(const std::string& key, std::int64_t elements, const std::string& type = "FloatStorage") {
  return "(" + p_text("storage") + p_global("torch", type) + p_text(key) + p_text("cpu") + p_int(elements) + "tQ";
}
inline std::string p_tensor(const std::string& storage, std::int64_t offset, const std::vector<std::int64_t>& shape,
                            const std::vector<std::int64_t>& strides) {
  return p_call(p_global("torch._utils", "_rebuild_tensor_v2"),
                storage + p_int(offset) + p_tuple(shape) + p_tuple(strides) + "\x89" + p_ordered);
}
inline std::string p_program(const std::string& value) { return "\x80\x02" + value + "."; }

using storages = std::vector<std::pair<std::string, std::string>>;

inline std::string make_torch_zip(const std::string& program, const storages& s = {}, bool compress = false) {
  std::vector<zip_part> parts{{.name = "x/data.pkl", .bytes = program, .deflate = compress}};
  for (const auto& [key, bytes] : s) parts.push_back({.name = "x/data/" + key, .bytes = bytes, .deflate = compress});
  parts.push_back({.name = "x/version", .bytes = "3\n", .deflate = compress});
  return make_zip(parts);
}

inline const std::string legacy_magic("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);

inline std::string make_torch_legacy(const std::string& program, const storages& s = {},
                                     std::uint64_t element_bytes = 4) {
  std::string keys = "](", data;
  for (const auto& [key, bytes] : s) keys += p_text(key), data += u64(bytes.size() / element_bytes) + bytes;
  return legacy_magic + p_program("M" + u16(1001)) + p_program(p_dict({{"little_endian", "\x88"}})) + program +
         p_program(keys + "e") + data;
}

inline std::string make_npy(const std::string& header, const std::string& data, int version = 1) {
  return "\x93NUMPY" + std::string(1, static_cast<char>(version)) + std::string(1, '\0') +
         (version == 1 ? u16(header.size()) : u32(header.size())) + header + data;
}

// "read", "format", "limit" or "io": what became of an attempt.
template <class F>
std::string outcome(F f) {
  try {
    f();
  } catch (const blip::format_error&) {
    return "format";
  } catch (const blip::limit_error&) {
    return "limit";
  } catch (const blip::io_error&) {
    return "io";
  }
  return "read";
}

}  // namespace blip_test
