// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "blip/core/simdjson.hpp"
#include "blip/io/npz.hpp"
#include "blip/io/safetensors.hpp"
#include "blip/io/tensor_list.hpp"
#include "blip/io/torch_archive.hpp"

namespace blip::inline BLIP_ABI {

enum class weights_container { safetensors, index, torch_zip, torch_legacy, npz };

// One tensor of whatever file.
struct weights_tensor {
  std::string name;
  stored_type type = stored_type::f32;
  std::vector<std::uint64_t> shape{};
  std::size_t part = 0, number = 0;  // which of the files behind it, and which tensor there

  std::uint64_t elements() const { return detail::count_elements(shape).value_or(0); }
};

// Opens a file of weights by what is in it, whatever it is called: safetensors, torch.save (of any age), npz, or the
// JSON index of several files beside it. Throws io_error, format_error and limit_error.
class weights_file {
 public:
  [[gnu::cold]] explicit weights_file(const std::string& path, const limits& bounds = {}) : path_(path) {
    const auto file = std::make_shared<const input_file>(path);
    if (looks_like_json(front_of(*file)))
      read_index(*file, bounds);
    else
      open(file, bounds);
  }

  const std::string& path() const { return path_; }
  weights_container container() const { return container_; }
  const std::vector<weights_tensor>& tensors() const { return tensors_.all(); }
  const weights_tensor* find(std::string_view name) const { return tensors_.find(name); }

  // The elements of a tensor of this file, row after row, converted to T one by one.
  template <class T>
  std::vector<T> read(const weights_tensor& t) const {
    return detail::convert_stored<T>(t.type, bytes(t));
  }
  // The bytes as they are stored, row after row.
  std::vector<std::byte> bytes(const weights_tensor& t) const {
    std::vector<std::byte> all;
    all.reserve(static_cast<std::size_t>(t.elements() * describe(t.type).bytes));
    parts_.at(t.part)->each_piece(
        t.number, [&](std::span<const std::byte> piece) { all.insert(all.end(), piece.begin(), piece.end()); });
    return all;
  }
  // The elements piece by piece, so that a tensor need not be in memory twice. May be called by several threads. What
  // was read counts only when no exception follows: checksums come last.
  template <class T>
  void each_piece(const weights_tensor& t, function_ref<void(std::span<const T>)> f) const {
    const auto convert = [&](std::span<const std::byte> piece) {
      if (detail::same_stored_type<T>() == t.type)
        f({reinterpret_cast<const T*>(piece.data()), piece.size() / sizeof(T)});  // allocated, hence aligned
      else
        f(detail::convert_stored<T>(t.type, piece));
    };
    parts_.at(t.part)->each_piece(t.number, convert);
  }
  // Whether two tensors are known to be the same bytes of the file.
  bool same_place(const weights_tensor& a, const weights_tensor& b) const {
    if (a.part != b.part) return false;
    if (a.number == b.number) return true;
    return parts_.at(a.part)->same_place(a.number, b.number);
  }

 private:
  // One file, whatever its container.
  struct part {
    virtual ~part() = default;
    virtual void each_piece(std::size_t number, function_ref<void(std::span<const std::byte>)> f) const = 0;
    virtual bool same_place(std::size_t a, std::size_t b) const = 0;
  };
  template <class File>
  struct part_of final : part {
    File file;

    explicit part_of(File f) : file(std::move(f)) {}
    void each_piece(std::size_t number, function_ref<void(std::span<const std::byte>)> f) const override {
      file.each_piece(file.tensors().at(number), f);
    }
    bool same_place(std::size_t a, std::size_t b) const override {
      if constexpr (requires { file.same_place(file.tensors()[a], file.tensors()[b]); })
        return file.same_place(file.tensors().at(a), file.tensors().at(b));
      return false;
    }
  };

  [[noreturn, gnu::cold]] void fail(const std::string& path, std::string_view expected, std::string_view found,
                                    std::string_view where = {}, std::string_view hint = {}) const {
    throw format_error({path + ": not a file of weights" + (where.empty() ? "" : " (" + detail::one_line(where) + ")"),
                        detail::one_line(expected), found, hint});
  }
  [[gnu::cold]] void require_within(const char* what, std::uint64_t found, std::uint64_t bound) const {
    if (found > bound)
      throw limit_error({path_ + ": " + what, "at most " + std::to_string(bound), std::to_string(found), {}});
  }

  static std::string front_of(const input_file& file) {
    std::string front(static_cast<std::size_t>(std::min<std::uint64_t>(64, file.size())), '\0');
    file.read(0, std::as_writable_bytes(std::span(front)));
    return front;
  }
  // A header below 2^32 bytes and its first brace, which no text can begin with.
  static bool looks_like_safetensors(std::string_view front) {
    return front.size() > 8 && front[8] == '{' && front.substr(4, 4) == std::string_view("\0\0\0\0", 4);
  }
  static bool looks_like_json(std::string_view front) {
    const auto first = front.find_first_not_of(" \t\r\n");
    return first != front.npos && front[first] == '{' && !looks_like_safetensors(front);
  }

  // A file that is not an index.
  [[gnu::cold]] void open(const std::shared_ptr<const input_file>& file, const limits& bounds) {
    const std::string front = front_of(*file);
    if (looks_like_safetensors(front)) {
      container_ = weights_container::safetensors;
      return add(safetensors_file(file->path(), bounds));
    }
    if (front.starts_with('\x80')) {
      container_ = weights_container::torch_legacy;
      return add(torch_archive(file, bounds));
    }
    if (front.starts_with("PK")) {
      zip_file archive(file, bounds);
      const bool arrays = !archive.entries().empty() && archive.entries()[0].name.ends_with(".npy");
      container_ = arrays ? weights_container::npz : weights_container::torch_zip;
      if (arrays) return add(npz_file(std::move(archive), bounds));
      return add(torch_archive(archive, bounds));
    }
    fail(
        file->path(), "safetensors, a file of torch.save, or npz", front.empty() ? "an empty file" : "something else",
        {},
        front.starts_with("version https://git-lfs") ? "Git LFS left a pointer: fetch the file with git lfs pull" : "");
  }

  template <class File>
  void add(File file) {
    std::size_t number = 0;
    for (const auto& t : file.tensors()) add(t.name, t.type, t.shape, number++);
    parts_.push_back(std::unique_ptr<const part>(new part_of<File>(std::move(file))));
  }
  [[gnu::cold, gnu::noinline]] void add(const std::string& name, stored_type type,
                                        const std::vector<std::uint64_t>& shape, std::size_t number) {
    if (!tensors_.add({name, type, shape, parts_.size(), number})) fail(path_, "every name once", "twice", name);
  }

  // {"metadata": {...}, "weight_map": {"<tensor>": "<file beside the index>", ...}}. Every tensor is where the index
  // says, and the files hold no others. Source: huggingface.co/docs/huggingface_hub, serialization.
  [[gnu::cold]] void read_index(const input_file& file, const limits& bounds) {
    require_within("bytes of the index", file.size(), bounds.json_bytes);
    simdjson::padded_string text(static_cast<std::size_t>(file.size()));
    file.read(0, std::as_writable_bytes(std::span(text.data(), text.size())));
    simdjson::dom::parser parser(static_cast<std::size_t>(bounds.json_bytes));
    if (parser.allocate(text.size(), static_cast<std::size_t>(bounds.json_depth)) != simdjson::SUCCESS)
      throw std::bad_alloc();
    simdjson::dom::object object, map;
    if (const auto e = parser.parse(text).get(object)) fail(path_, "a JSON object", simdjson::error_message(e));
    std::size_t maps = 0;
    for (const auto [key, value] : object)
      if (key == "weight_map" && (++maps > 1 || value.get(map))) fail(path_, "one object weight_map", "something else");
    if (maps == 0) fail(path_, "an index with weight_map", "none");

    const std::string folder = path_.substr(0, path_.find_last_of('/') + 1);
    std::unordered_map<std::string, std::size_t> shards;
    std::map<std::string, std::string> places;
    for (const auto [name, value] : map) {
      std::string_view shard;
      if (value.get(shard)) fail(path_, "the name of a file", "something else", name);
      require_within("bytes of a name", std::max(name.size(), shard.size()), bounds.name_bytes);
      if (shard.empty() || shard == "." || shard == ".." || shard.find_first_of("/\\") != shard.npos ||
          detail::one_line(shard) != shard)  // control characters, which would reach a terminal with the file's path
        fail(path_, "the name of a file beside the index", "a path", name);
      shards.emplace(shard, shards.size());
      if (!places.emplace(name, shard).second) fail(path_, "every name once", "twice", name);
      require_within("tensors", places.size(), bounds.tensors);
      require_within("files", shards.size(), bounds.shards);
    }
    std::vector<const std::string*> order(shards.size());
    for (const auto& [shard, i] : shards) order[i] = &shard;
    for (const std::string* shard : order) open(std::make_shared<const input_file>(folder + *shard), bounds);
    for (const auto& t : tensors_.all()) {
      const auto at = places.find(t.name);
      if (at == places.end() || at->second != *order[t.part])
        fail(path_, "only tensors that the index names in " + *order[t.part], "another", t.name);
    }
    for (const auto& [name, shard] : places)
      if (!tensors_.find(name)) fail(path_, "every tensor that the index names in " + shard, "none", name);
    container_ = weights_container::index;
  }

  std::string path_;
  weights_container container_ = weights_container::safetensors;
  std::vector<std::unique_ptr<const part>> parts_;
  tensor_list<weights_tensor> tensors_;
};

}  // namespace blip::inline BLIP_ABI
