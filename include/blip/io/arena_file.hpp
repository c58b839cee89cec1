// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "blip/core/arena.hpp"
#include "blip/io/safetensors.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

template <class S>
constexpr stored_type stored_type_of() {
  static_assert(std::is_same_v<S, float> || std::is_same_v<S, double>,
                "blip: only arenas of float and double are stored");
  return std::is_same_v<S, double> ? stored_type::f64 : stored_type::f32;
}

}  // namespace detail

// Writes every parameter under its (first) name. Throws io_error.
template <backend B>
void save_arena(const std::string& path, const arena<B>& values,
                const std::map<std::string, std::string>& metadata = {}) {
  using S = typename B::scalar;
  const arena_layout& layout = *values.layout();
  std::vector<safetensors_tensor> tensors;
  std::vector<char> covered(layout.entries().size(), 0);  // a tied entry is stored once
  for (const auto& n : layout.names()) {
    char& whole = covered[static_cast<std::size_t>(n.entry)];
    if (whole) continue;
    whole = n.count == layout.entries()[static_cast<std::size_t>(n.entry)].size();
    safetensors_tensor t{.name = n.text, .type = detail::stored_type_of<S>()};
    for (int i = 0; i < n.rank; ++i)
      t.shape.push_back(static_cast<std::uint64_t>(n.shape[static_cast<std::size_t>(i)]));
    tensors.push_back(std::move(t));
  }
  std::vector<S> host;
  write_safetensors(
      path, tensors,
      [&](std::size_t i) {
        host = values.read(tensors[i].name);
        return std::as_bytes(std::span<const S>(host));
      },
      metadata);
}

// What a load did with the file.
struct load_report {
  std::vector<std::string> unused;  // tensors of the file that no parameter asked for
};

// Reads every parameter by name, converting element types. All or nothing: the arena changes only when every parameter
// was found with its shape and number of values. Throws io_error, format_error, limit_error, shape_error.
template <backend B>
load_report load_arena(const std::string& path, arena<B>& values, const limits& bounds = {}) {
  using S = typename B::scalar;
  const safetensors_file file(path, bounds);
  const arena_layout& layout = *values.layout();
  arena<B> fresh = values.clone();
  std::vector<char> found(layout.entries().size(), 0);
  load_report report;
  for (const auto& n : layout.names()) {
    const safetensors_tensor* t = file.find(n.text);
    if (!t) continue;
    std::vector<std::uint64_t> shape;
    for (int i = 0; i < n.rank; ++i) shape.push_back(static_cast<std::uint64_t>(n.shape[static_cast<std::size_t>(i)]));
    if (t->shape != shape) {
      const auto text = [](const std::vector<std::uint64_t>& s) {
        std::string out = "[";
        for (const auto d : s) out += (out.size() > 1 ? ", " : "") + std::to_string(d);
        return out + "]";
      };
      throw shape_error(
          {path + ": " + n.text, text(shape), text(t->shape), "the file belongs to a model of another size"});
    }
    const std::vector<S> host = file.read<S>(*t);
    fresh.template write<S>(n.text, std::span<const S>(host));
    found[static_cast<std::size_t>(n.entry)] = 1;
  }
  for (const auto& n : layout.names()) {
    const bool tied_elsewhere = n.count == layout.entries()[static_cast<std::size_t>(n.entry)].size() &&
                                found[static_cast<std::size_t>(n.entry)];
    if (!file.find(n.text) && !tied_elsewhere)
      throw format_error({path + ": " + n.text + " is missing", {}, {}, "the file belongs to another model"});
  }
  for (const auto& t : file.tensors())
    if (!layout.find(t.name)) report.unused.push_back(t.name);
  values = std::move(fresh);
  return report;
}

}  // namespace blip::inline BLIP_ABI
