// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip/io/npy_header.hpp"
#include "blip/io/strided_view.hpp"
#include "blip/io/tensor_list.hpp"
#include "blip/io/zip_file.hpp"
#include "blip/io/zip_member.hpp"

namespace blip::inline BLIP_ABI {

// One array: its name, and how its elements follow each other in the member.
struct npz_tensor : strided_view {
  std::string name{};
  std::size_t member = 0;  // number of the member
  std::uint64_t data = 0;  // where in the member the elements begin

  std::uint64_t elements() const { return detail::count_elements(shape).value_or(0); }
};

// Reads an .npz file of NumPy: a zip archive whose members, stored or deflated, are arrays called <name>.npy, in C or
// Fortran order. Members are held against their size and checksum when they are read. Throws io_error, format_error and
// limit_error. Source: numpy/lib/format.py, format versions 1.0, 2.0 and 3.0.
class npz_file {
 public:
  explicit npz_file(const std::string& path, const limits& bounds = {}) : npz_file(zip_file(path, bounds), bounds) {}
  [[gnu::cold]] explicit npz_file(zip_file archive, const limits& bounds = {}) : archive_(std::move(archive)) {
    std::uint64_t total = 0;
    for (const zip_entry& e : archive_.entries()) {
      npz_tensor t = read_header(e, bounds);
      t.member = tensors_.all().size();
      total += t.elements() * describe(t.type).bytes;
      if (total > bounds.tensor_bytes)
        throw limit_error({path() + ": bytes of all arrays",
                           "at most " + std::to_string(bounds.tensor_bytes),
                           std::to_string(total) + " or more",
                           {}});
      tensors_.add(std::move(t));  // names of members are unique
    }
  }

  const std::string& path() const { return archive_.path(); }
  const std::vector<npz_tensor>& tensors() const { return tensors_.all(); }
  const npz_tensor* find(std::string_view name) const { return tensors_.find(name); }

  // The bytes of a tensor of this file, row after row. May be called by several threads.
  [[gnu::cold]] std::vector<std::byte> bytes(const npz_tensor& t) const {
    zip_member member(archive_, archive_.entries().at(t.member));
    std::vector<std::byte> header(static_cast<std::size_t>(t.data));
    member.read(header);
    std::vector<std::byte> raw = member.read_rest();
    return detail::is_packed(t) || raw.empty() ? raw : detail::gather(t, raw);
  }
  // The same, at once: members are held against their checksum as a whole.
  void each_piece(const npz_tensor& t, function_ref<void(std::span<const std::byte>)> f) const {
    const std::vector<std::byte> all = bytes(t);
    if (!all.empty()) f(all);
  }
  // Its elements, converted to T one by one.
  template <class T>
  std::vector<T> read(const npz_tensor& t) const {
    return detail::convert_stored<T>(t.type, bytes(t));
  }

 private:
  [[noreturn, gnu::cold]] void fail(std::string_view expected, std::string_view found, const zip_entry& e) const {
    throw format_error({path() + ": not an archive of arrays (" + detail::one_line(e.name) + ")", expected, found, {}});
  }

  [[gnu::cold]] npz_tensor read_header(const zip_entry& e, const limits& bounds) const {
    constexpr std::string_view ending = ".npy", magic = "\x93NUMPY";
    if (!e.name.ends_with(ending)) fail("members called <name>.npy", "another one", e);
    if (e.bytes < 10) fail("an array", std::to_string(e.bytes) + " bytes", e);
    zip_member member(archive_, e);
    std::array<std::byte, 12> front{};
    member.read(std::span(front).first(8));
    if (std::memcmp(front.data(), magic.data(), magic.size()) != 0) fail("the first bytes of an array", "others", e);
    const auto major = std::to_integer<int>(front[6]), minor = std::to_integer<int>(front[7]);
    if (major < 1 || major > 3 || minor != 0)
      fail("version 1.0, 2.0 or 3.0", std::to_string(major) + "." + std::to_string(minor), e);
    const std::size_t width = major == 1 ? 2 : 4;
    member.read(std::span(front).subspan(8, width));
    const std::uint64_t length = detail::little<std::uint32_t>(front.data() + 8);  // the bytes not read are 0
    if (length > bounds.npy_header_bytes)
      throw limit_error({path() + ": header bytes of " + detail::one_line(e.name),
                         "at most " + std::to_string(bounds.npy_header_bytes),
                         std::to_string(length),
                         {}});
    if (length > e.bytes - std::min<std::uint64_t>(e.bytes, 8 + width))
      fail("a header within the member", std::to_string(length) + " bytes", e);
    std::string text(static_cast<std::size_t>(length), '\0');
    member.read(std::as_writable_bytes(std::span(text)));
    npy_header h = detail::npy_header_parser(text, path() + ": " + detail::one_line(e.name), bounds).parse();
    npz_tensor t;
    t.name = e.name.substr(0, e.name.size() - ending.size());
    t.data = 8 + width + length;
    t.type = h.type;
    t.strides = detail::packed_strides(h.shape);
    if (h.fortran) {
      std::vector<std::uint64_t> reversed(h.shape.rbegin(), h.shape.rend());
      t.strides = detail::packed_strides(reversed);
      std::reverse(t.strides.begin(), t.strides.end());
    }
    t.shape = std::move(h.shape);
    const auto count = detail::count_elements(t.shape);
    std::uint64_t bytes = 0;
    if (!count || __builtin_mul_overflow(*count, describe(t.type).bytes, &bytes) || bytes != e.bytes - t.data)
      fail(count ? std::to_string(*count) + " elements of " + describe(t.type).name : "a size that can be counted",
           std::to_string(e.bytes - t.data) + " bytes", e);
    return t;
  }

  zip_file archive_;
  tensor_list<npz_tensor> tensors_;
};

}  // namespace blip::inline BLIP_ABI
