// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "blip/core/dtype.hpp"
#include "blip/core/file.hpp"
#include "blip/core/function_ref.hpp"
#include "blip/core/limits.hpp"
#include "blip/core/one_line.hpp"
#include "blip/core/simdjson.hpp"

namespace blip::inline BLIP_ABI {

// The element types of the safetensors format.
enum class stored_type { f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, boolean };

struct stored_type_name {
  const char* name;
  std::uint64_t bytes;
};
inline constexpr std::array<stored_type_name, 13> stored_types{{{"F64", 8},
                                                                {"F32", 4},
                                                                {"F16", 2},
                                                                {"BF16", 2},
                                                                {"I64", 8},
                                                                {"I32", 4},
                                                                {"I16", 2},
                                                                {"I8", 1},
                                                                {"U64", 8},
                                                                {"U32", 4},
                                                                {"U16", 2},
                                                                {"U8", 1},
                                                                {"BOOL", 1}}};
constexpr const stored_type_name& describe(stored_type t) { return stored_types[static_cast<std::size_t>(t)]; }

// One tensor of a file; begin and end count from the file's start.
struct safetensors_tensor {
  std::string name;
  stored_type type = stored_type::f32;
  std::vector<std::uint64_t> shape{};
  std::uint64_t begin = 0, end = 0;

  std::uint64_t elements() const { return (end - begin) / describe(type).bytes; }
};

namespace detail {

// IEEE half to float, exactly.
inline float half_to_float(std::uint16_t h) {
  const std::uint32_t sign = (h & 0x8000u) << 16, exponent = (h >> 10) & 31u, fraction = h & 1023u;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | (fraction << 13));
  if (exponent > 0) return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
  const float tiny = static_cast<float>(fraction) * 0x1p-24f;
  return sign ? -tiny : tiny;
}

// Calls f(value) for each element of the raw bytes of one tensor.
template <class F>
void each_stored(stored_type type, std::span<const std::byte> bytes, F f) {
  const auto as = [&]<class T>(T, auto convert) {
    for (std::size_t i = 0; i + sizeof(T) <= bytes.size(); i += sizeof(T)) {
      T v;
      std::memcpy(&v, bytes.data() + i, sizeof v);
      f(convert(v));
    }
  };
  const auto same = [](auto v) { return v; };
  switch (type) {
    case stored_type::f64:
      return as(double{}, same);
    case stored_type::f32:
      return as(float{}, same);
    case stored_type::f16:
      return as(std::uint16_t{}, half_to_float);
    case stored_type::bf16:
      return as(bf16{}, [](bf16 v) { return static_cast<float>(v); });
    case stored_type::i64:
      return as(std::int64_t{}, same);
    case stored_type::i32:
      return as(std::int32_t{}, same);
    case stored_type::i16:
      return as(std::int16_t{}, same);
    case stored_type::i8:
      return as(std::int8_t{}, same);
    case stored_type::u64:
      return as(std::uint64_t{}, same);
    case stored_type::u32:
      return as(std::uint32_t{}, same);
    case stored_type::u16:
      return as(std::uint16_t{}, same);
    case stored_type::u8:
    case stored_type::boolean:
      return as(std::uint8_t{}, same);
  }
}

// The type that elements of T are stored as; none for what is converted in any case (dual numbers, complex).
template <class T>
constexpr std::optional<stored_type> same_stored_type() {
  if constexpr (std::is_same_v<T, float>) return stored_type::f32;
  if constexpr (std::is_same_v<T, double>) return stored_type::f64;
  if constexpr (std::is_same_v<T, std::int64_t>) return stored_type::i64;
  return std::nullopt;
}

// The elements behind raw bytes, converted to T one by one.
template <class T>
std::vector<T> convert_stored(stored_type type, std::span<const std::byte> bytes) {
  std::vector<T> values(bytes.size() / static_cast<std::size_t>(describe(type).bytes));
  if (same_stored_type<T>() == type) {
    if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
    return values;
  }
  T* to = values.data();
  each_stored(type, bytes, [&](auto v) { *to++ = static_cast<T>(v); });
  return values;
}

// How many bytes of a tensor are read at a time where it need not be in memory as a whole: they stay in the cache.
inline constexpr std::size_t piece_bytes = std::size_t{1} << 19;

// Reads `size` bytes of a file piece by piece.
inline void read_pieces(const input_file& file, std::uint64_t begin, std::uint64_t size,
                        function_ref<void(std::span<const std::byte>)> f) {
  std::vector<std::byte> piece(static_cast<std::size_t>(std::min<std::uint64_t>(size, piece_bytes)));
  for (std::uint64_t at = 0; at < size; at += piece.size()) {
    const auto part =
        std::span(piece).first(static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), size - at)));
    file.read(begin + at, part);
    f(part);
  }
}

}  // namespace detail

// Reads a safetensors file, strictly: the header is checked before anything else, tensors lie one after the other
// without holes or overlap and fill the file, names are unique. Throws io_error, format_error (with what is wrong and
// where) and limit_error. Source: the format's specification, huggingface.co/docs/safetensors.
class safetensors_file {
 public:
  [[gnu::cold]] explicit safetensors_file(const std::string& path, const limits& bounds = {}) : file_(path) {
    static_assert(std::endian::native == std::endian::little, "blip::safetensors_file: the format is little-endian");
    std::uint64_t length = 0;
    if (file_.size() < 8) fail("8 bytes of header length", std::to_string(file_.size()) + " bytes in all");
    file_.read(0, std::as_writable_bytes(std::span(&length, 1)));
    require_within("bytes of the header", length, bounds.header_bytes);
    const std::uint64_t rest = file_.size() - 8;
    if (length > rest) fail("a header of " + std::to_string(length) + " bytes", std::to_string(rest) + " bytes in all");
    data_ = 8 + length;
    simdjson::padded_string header(static_cast<std::size_t>(length));
    file_.read(8, std::as_writable_bytes(std::span(header.data(), static_cast<std::size_t>(length))));
    parse(header, bounds);
    check_places();
  }

  const std::string& path() const { return file_.path(); }
  const std::vector<safetensors_tensor>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const safetensors_tensor* find(std::string_view name) const {
    const auto at = index_.find(std::string(name));
    return at == index_.end() ? nullptr : &tensors_[at->second];
  }

  // The elements of a tensor, converted to T one by one.
  template <class T>
  std::vector<T> read(const safetensors_tensor& t) const {
    std::vector<std::byte> bytes(static_cast<std::size_t>(t.end - t.begin));
    file_.read(t.begin, bytes);
    return detail::convert_stored<T>(t.type, bytes);
  }
  // Its bytes, piece by piece, each a multiple of 8 bytes but for the last. May be called by several threads.
  void each_piece(const safetensors_tensor& t, function_ref<void(std::span<const std::byte>)> f) const {
    detail::read_pieces(file_, t.begin, t.end - t.begin, f);
  }

 private:
  [[noreturn, gnu::cold]] void fail(std::string_view expected, std::string_view found,
                                    std::string_view where = {}) const {
    throw format_error(
        {file_.path() + ": not a safetensors file" + (where.empty() ? "" : " (" + detail::one_line(where) + ")"),
         expected,
         detail::one_line(found),
         {}});
  }
  [[gnu::cold]] void require_within(const char* what, std::uint64_t found, std::uint64_t bound,
                                    std::string_view of = {}) const {
    if (found > bound)
      throw limit_error({path() + ": " + detail::one_line(what + std::string(of.empty() ? "" : " of ").append(of)),
                         "at most " + std::to_string(bound),
                         std::to_string(found),
                         {}});
  }

  [[gnu::cold]] void parse(const simdjson::padded_string& text, const limits& bounds) {
    if (text.size() == 0 || text.data()[0] != '{')
      fail("a header that begins with {", text.size() == 0 ? "none" : "another byte");
    simdjson::dom::parser parser(static_cast<std::size_t>(bounds.header_bytes));
    if (parser.allocate(text.size(), static_cast<std::size_t>(bounds.json_depth)) != simdjson::SUCCESS)
      throw std::bad_alloc();
    simdjson::dom::object object;
    if (const auto e = parser.parse(text).get(object)) fail("a JSON object as header", simdjson::error_message(e));
    for (const auto [key, value] : object) {
      const std::string name(key);
      require_within("bytes of a name", name.size(), bounds.name_bytes);
      if (name == "__metadata__") {
        if (!metadata_.empty()) fail("__metadata__ once", "twice");
        simdjson::dom::object entries;
        if (value.get(entries)) fail("an object", "something else", name);
        for (const auto [k, v] : entries) {
          std::string_view content;
          if (v.get(content)) fail("strings", "something else", name);
          if (!metadata_.emplace(k, content).second) fail("every key once", "\"" + std::string(k) + "\" twice", name);
        }
        continue;
      }
      if (!index_.emplace(name, tensors_.size()).second) fail("every name once", "twice", name);
      tensors_.push_back(read_entry(name, value, bounds));
      require_within("tensors", tensors_.size(), bounds.tensors);
    }
  }

  [[gnu::cold]] safetensors_tensor read_entry(const std::string& name, simdjson::dom::element value,
                                              const limits& bounds) const {
    simdjson::dom::object entry;
    if (value.get(entry)) fail("an object", "something else", name);
    safetensors_tensor t{.name = name};
    unsigned seen = 0;
    const auto once = [&](unsigned bit) {
      if (seen & bit) fail("dtype, shape and data_offsets once each", "one of them twice", name);
      seen |= bit;
    };
    for (const auto [key, v] : entry) {
      if (key == "dtype") {
        std::string_view text;
        if (v.get(text)) fail("dtype as a string", "something else", name);
        const auto at =
            std::find_if(stored_types.begin(), stored_types.end(), [&](const auto& s) { return text == s.name; });
        if (at == stored_types.end()) fail("a dtype that is known", "\"" + std::string(text) + "\"", name);
        t.type = static_cast<stored_type>(at - stored_types.begin());
        once(1);
      } else if (key == "shape") {
        t.shape = numbers(name, "shape", v);
        require_within("dimensions", t.shape.size(), static_cast<std::uint64_t>(bounds.rank), name);
        once(2);
      } else if (key == "data_offsets") {
        const auto offsets = numbers(name, "data_offsets", v);
        if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > file_.size() - data_)
          fail("data_offsets [begin, end] within the file", "others", name);
        t.begin = data_ + offsets[0], t.end = data_ + offsets[1];
        once(4);
      } else {
        fail("dtype, shape and data_offsets", "\"" + std::string(key) + "\"", name);
      }
    }
    if (seen != 7) fail("dtype, shape and data_offsets", "some of them missing", name);
    std::uint64_t bytes = describe(t.type).bytes;
    for (const std::uint64_t d : t.shape) {
      require_within("a dimension", d, bounds.dimension, name);
      if (__builtin_mul_overflow(bytes, d, &bytes))
        fail("a shape whose size can be counted", "one that overflows", name);
    }
    require_within("bytes", bytes, bounds.tensor_bytes, name);
    const std::uint64_t given = t.end - t.begin;
    if (bytes != given)
      fail(std::to_string(bytes) + " bytes by dtype and shape", std::to_string(given) + " by data_offsets", name);
    return t;
  }

  [[gnu::cold]] std::vector<std::uint64_t> numbers(const std::string& name, const char* what,
                                                   simdjson::dom::element v) const {
    simdjson::dom::array list;
    if (v.get(list)) fail(std::string(what) + " as a list", "something else", name);
    std::vector<std::uint64_t> out;
    for (const auto item : list) {
      std::uint64_t n = 0;
      if (item.get(n)) fail(std::string(what) + " of whole numbers that are not negative", "something else", name);
      out.push_back(n);
    }
    return out;
  }

  [[gnu::cold]] void check_places() const {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> places;
    for (const auto& t : tensors_) places.emplace_back(t.begin, t.end);
    std::sort(places.begin(), places.end());
    std::uint64_t at = data_;
    for (const auto& [begin, end] : places) {
      if (begin != at)
        for (const auto& t : tensors_)
          if (t.begin == begin && t.end == end)
            fail("tensors one after the other", begin < at ? "overlapping ones" : "a hole before it", t.name);
      at = end;
    }
    if (at != file_.size())
      fail("a file that ends with its last tensor", std::to_string(file_.size() - at) + " more bytes");
  }

  input_file file_;
  std::uint64_t data_ = 0;
  std::vector<safetensors_tensor> tensors_;
  std::unordered_map<std::string, std::size_t> index_;
  std::map<std::string, std::string> metadata_;
};

namespace detail {

inline void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      constexpr char hex[] = "0123456789abcdef";
      out += "\\u00", out += hex[(c >> 4) & 15], out += hex[c & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace detail

// Writes tensors of the given names, types and shapes; `data(i)` gives the bytes of number i when its turn comes. The
// file appears complete or not at all. Throws io_error; shape_error when `data` gives another number of bytes.
inline void write_safetensors(const std::string& path, std::span<const safetensors_tensor> tensors,
                              function_ref<std::span<const std::byte>(std::size_t)> data,
                              const std::map<std::string, std::string>& metadata = {}) {
  std::string header = "{";
  if (!metadata.empty()) {
    header += "\"__metadata__\":{";
    for (const auto& [key, value] : metadata) {
      if (header.back() != '{') header += ',';
      detail::append_json_string(header, key), header += ':', detail::append_json_string(header, value);
    }
    header += '}';
  }
  std::vector<std::uint64_t> sizes;
  std::uint64_t at = 0;
  for (const auto& t : tensors) {
    sizes.push_back(describe(t.type).bytes);
    if (header.size() > 1) header += ',';
    detail::append_json_string(header, t.name);
    header += std::string(":{\"dtype\":\"") + describe(t.type).name + "\",\"shape\":[";
    for (std::size_t i = 0; i < t.shape.size(); ++i) {
      sizes.back() *= t.shape[i];
      if (i > 0) header += ',';
      header += std::to_string(t.shape[i]);
    }
    header.append("],\"data_offsets\":[").append(std::to_string(at)) += ',';
    header.append(std::to_string(at + sizes.back())).append("]}");
    at += sizes.back();
  }
  header += '}';
  header.append((8 - header.size() % 8) % 8, ' ');
  output_file file(path);
  const std::uint64_t length = header.size();
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(std::as_bytes(std::span(header)));
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto bytes = data(i);
    if (bytes.size() != sizes[i])
      throw shape_error({"write_safetensors: " + tensors[i].name,
                         std::to_string(sizes[i]) + " bytes",
                         std::to_string(bytes.size()),
                         {}});
    file.write(bytes);
  }
  file.commit();
}

}  // namespace blip::inline BLIP_ABI
