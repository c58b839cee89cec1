// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "blip/core/arena.hpp"
#include "blip/io/layout_names.hpp"
#include "blip/io/load_report.hpp"
#include "blip/io/sharded_safetensors.hpp"

namespace blip::inline BLIP_ABI {

// In which form a model goes into files.
struct save_options {
  weights_layout layout = weights_layout::official;
  std::string prefix{};                       // makes the model's names official: "visual_encoder."
  std::uint64_t shard_bytes = 5'000'000'000;  // a larger model is cut into several files of at most this size
  bool every_name = false;                    // tied parameters under all their names, not under one
  std::vector<std::string> leave_out{};       // patterns of official names that may be left out
  std::map<std::string, std::string> metadata{{"format", "pt"}};  // transformers asks for this one
};

namespace detail {

template <class S>
constexpr stored_type stored_type_of() {
  static_assert(std::is_same_v<S, float> || std::is_same_v<S, double>,
                "blip: only arenas of float and double are stored");
  return std::is_same_v<S, double> ? stored_type::f64 : stored_type::f32;
}

// A tensor to be written: rows of a parameter.
struct saved_tensor {
  safetensors_tensor tensor;
  std::size_t name;          // number of the parameter's name
  std::size_t first, count;  // scalars of it
};

// Which tensors make up a model in a layout. Throws config_error when one has no name there.
inline std::vector<saved_tensor> plan_save(const arena_layout& model, stored_type type, const save_options& o) {
  std::vector<saved_tensor> all;
  std::vector<std::string> homeless;
  std::vector<char> whole(model.entries().size(), 0), some(model.entries().size(), 0);
  const auto left_out = [&](const std::string& name) {
    return std::any_of(o.leave_out.begin(), o.leave_out.end(),
                       [&](const auto& p) { return match_name(p, name).has_value(); });
  };
  for (std::size_t i = 0; i < model.names().size(); ++i) {
    const auto& n = model.names()[i];
    const auto entry = static_cast<std::size_t>(n.entry);
    const std::string official = o.prefix + n.text;
    if (whole[entry] && !o.every_name) continue;
    const auto sources = left_out(official) ? std::vector<tensor_source>()
                                            : names_in(o.layout, describe(o.layout).prefixes[0], official);
    if (sources.empty()) continue;
    if (sources[0].order != element_order::same)
      throw config_error(
          {"save_weights: layout " + std::string(describe(o.layout).name), "one of safetensors", "arrays of JAX", {}});
    some[entry] = 1;
    whole[entry] |= n.count == model.entries()[entry].size();
    const auto parts = sources[0].names.size(), count = static_cast<std::size_t>(n.count) / parts;
    for (std::size_t p = 0; p < parts; ++p) {
      saved_tensor t{{.name = sources[0].names[p], .type = type}, i, p * count, count};
      for (int d = 0; d < n.rank; ++d)
        t.tensor.shape.push_back(static_cast<std::uint64_t>(n.shape[static_cast<std::size_t>(d)]));
      if (parts > 1) t.tensor.shape[0] /= parts;
      all.push_back(std::move(t));
    }
  }
  for (std::size_t e = 0; e < some.size(); ++e)
    if (!some[e] && !left_out(o.prefix + model.entries()[e].name))
      homeless.push_back(o.prefix + model.entries()[e].name);
  if (!homeless.empty())
    throw config_error({"save_weights: layout " + std::string(describe(o.layout).name) + " has no names for " +
                            first_ten(homeless.size(), [&](std::size_t i) { return homeless[i]; }),
                        "a model that the layout can hold",
                        std::to_string(homeless.size()) + " parameters that it cannot",
                        "choose another layout, or name them in save_options::leave_out to drop them"});
  return all;
}

}  // namespace detail

// Writes a model as safetensors, in the names of a layout; as several files when it is larger than a shard may be (see
// write_sharded_safetensors). A tied parameter is written once, under the first of its names, unless the options ask
// for all. No parameter is dropped that the options do not name. Returns the path to be loaded. Throws config_error,
// io_error.
template <backend B>
std::string save_weights(const std::string& path, const arena<B>& values, const save_options& options = {}) {
  using S = typename B::scalar;
  const arena_layout& model = *values.layout();
  const auto plan = detail::plan_save(model, detail::stored_type_of<S>(), options);
  std::vector<safetensors_tensor> tensors;
  for (const auto& t : plan) tensors.push_back(t.tensor);
  std::vector<S> host;
  std::size_t held = model.names().size();  // whose values `host` has
  return write_sharded_safetensors(
      path, tensors,
      [&](std::size_t i) {
        const detail::saved_tensor& t = plan[i];
        if (t.name != held) host = values.read(model.names()[held = t.name].text);
        return std::as_bytes(std::span<const S>(host).subspan(t.first, t.count));
      },
      options.shard_bytes, options.metadata);
}

}  // namespace blip::inline BLIP_ABI
