// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "blip/config/towers.hpp"
#include "blip/io/load_plan.hpp"

namespace blip::inline BLIP_ABI {

// A size by name, for those who look one up at run time.
struct named_preset {
  std::string_view name;
  tower_preset preset;
};

namespace detail {

// Shapes of a file by our names; a parameter of several tensors has the rows of all.
class named_shapes {
 public:
  named_shapes(const weights_file& file, const found_layout& found) {
    for (const auto& t : file.tensors())
      if (auto ours = our_name(found.layout, found.prefix, t.name)) {
        if (ours->order == element_order::same) shapes_[ours->name] = t.shape;
        if (ours->order == element_order::convolution && t.shape.size() == 4)
          shapes_[ours->name] = {t.shape[3], t.shape[2], t.shape[0], t.shape[1]};
        if (ours->order == element_order::transposed && !t.shape.empty())
          shapes_[ours->name] = {t.shape.back(), t.shape[0]};
      }
  }

  // One dimension; 0 when there is no such tensor.
  int size(const std::string& name, std::size_t dimension) const {
    const auto at = shapes_.find(name);
    if (at == shapes_.end() || dimension >= at->second.size() || at->second[dimension] > (1u << 24)) return 0;
    return static_cast<int>(at->second[dimension]);
  }
  bool has(std::string_view prefix) const {
    const auto at = shapes_.lower_bound(prefix);
    return at != shapes_.end() && at->first.starts_with(prefix);
  }
  // Numbers of equal parts: the largest # of the pattern and one.
  int count(std::string_view pattern) const {
    int n = 0;
    for (const auto& [name, shape] : shapes_)
      if (const auto found = match_name(pattern, name)) n = std::max(n, number_in(found->texts[0]) + 1);
    return n;
  }
  int first(std::string_view pattern) const {
    int least = -1;
    for (const auto& [name, shape] : shapes_)
      if (const auto found = match_name(pattern, name))
        if (const int n = number_in(found->texts[0]); least < 0 || n < least) least = n;
    return least;
  }

 private:
  std::map<std::string, std::vector<std::uint64_t>, std::less<>> shapes_;
};

// Widths of heads are in no file: those of all published models are 64.
inline int likely_heads(int width) { return width % 64 == 0 ? width / 64 : 0; }

inline void text_sizes(const named_shapes& s, const std::string& part, text_config& c, text_options& o) {
  const std::string layer = part + "encoder.layer.";
  c.width = s.size(part + "embeddings.word_embeddings.weight", 1);
  if (c.width == 0) return;
  c.heads = likely_heads(c.width), c.hidden = s.size(layer + "0.intermediate.dense.weight", 0);
  o.layers = s.count(layer + "#.attention.*");
  o.embedding = {.vocabulary = s.size(part + "embeddings.word_embeddings.weight", 0),
                 .positions = s.size(part + "embeddings.position_embeddings.weight", 0),
                 .token_types = s.size(part + "embeddings.token_type_embeddings.weight", 0)};
  const int from = s.first(layer + "#.crossattention.*");
  if (from < 0) return;
  const std::string cross = layer + std::to_string(from) + ".crossattention.";
  const bool two = s.size(cross + "self0.key.weight", 1) > 0;
  c.cross = from == 0 ? cross_schedule::all : cross_schedule::from_layer;
  c.context = s.size(cross + (two ? "self0.key.weight" : "self.key.weight"), 1);
  c.reading = two ? picture_reading::both : picture_reading::one;
  o.cross_from = from;
}

}  // namespace detail

// The sizes of the towers that a file holds, as far as its shapes tell: heads are taken for 64 wide (0 where they
// cannot be), pictures for squares. A width of 0: no such tower.
inline tower_preset sizes_of_weights(const weights_file& file) {
  std::vector<std::string> names;
  for (const auto& t : file.tensors()) names.push_back(t.name);
  const detail::named_shapes s(file, recognise_layout(names));
  tower_preset p;
  vit_config& v = p.structure.vision;
  v.width = s.size("visual_encoder.cls_token", 2);
  if (v.width > 0) {
    v.heads = detail::likely_heads(v.width), v.hidden = s.size("visual_encoder.blocks.0.mlp.fc1.weight", 0);
    v.channels = s.size("visual_encoder.patch_embed.proj.weight", 1);
    v.patch = s.size("visual_encoder.patch_embed.proj.weight", 2);
    p.options.vision.depth = s.count("visual_encoder.blocks.#.*");
    const int rows = s.size("visual_encoder.pos_embed", 1);
    const auto grid = rows > 0 ? detail::square_grid(static_cast<std::uint64_t>(rows)) : std::nullopt;
    const bool is_picture = grid && v.patch > 0 && grid->height <= (1 << 15) / v.patch;
    p.options.vision.image_height = p.options.vision.image_width = is_picture ? grid->height * v.patch : 0;
  }
  detail::text_sizes(s, "text_encoder.", p.structure.text, p.options.text);
  if (p.structure.text.width == 0) {
    detail::text_sizes(s, "text_encoder.bert.", p.structure.text, p.options.text);
    p.structure.masked_head = s.has("text_encoder.cls.");
  }
  detail::text_sizes(s, "text_decoder.bert.", p.structure.decoder, p.options.decoder);
  return p;
}

// How far two sizes are apart: logarithms of the ratios of their numbers, and 1000 for a tower that one of them lacks.
inline double distance_of_sizes(const tower_preset& a, const tower_preset& b) {
  double sum = 0;
  const auto compare = [&](int x, int y) {
    if (x > 0 && y > 0)
      sum += std::abs(std::log2(static_cast<double>(x) / y));
    else if (x != y)
      sum += 1;
  };
  const auto tower = [&](int x, int y) {
    if ((x > 0) != (y > 0)) sum += 1000;
    return x > 0 && y > 0;
  };
  const auto &s = a.structure, &t = b.structure;
  if (tower(s.vision.width, t.vision.width)) {
    const auto &v = a.options.vision, &w = b.options.vision;
    compare(s.vision.width, t.vision.width), compare(s.vision.hidden, t.vision.hidden);
    compare(s.vision.patch, t.vision.patch), compare(v.depth, w.depth), compare(v.image_height, w.image_height);
  }
  const auto text = [&](const text_config& x, const text_config& y, const text_options& o, const text_options& p) {
    if (!tower(x.width, y.width)) return;
    compare(x.width, y.width), compare(x.hidden, y.hidden), compare(x.context, y.context);
    compare(o.layers, p.layers), compare(o.embedding.vocabulary, p.embedding.vocabulary);
    sum += (x.cross != y.cross) + (x.reading != y.reading);
  };
  text(s.text, t.text, a.options.text, b.options.text);
  text(s.decoder, t.decoder, a.options.decoder, b.options.decoder);
  return sum + (s.masked_head != t.masked_head);
}

// The nearest of some presets; null for an empty list.
inline const named_preset* nearest_preset(const tower_preset& sizes, std::span<const named_preset> presets) {
  const auto at = std::min_element(presets.begin(), presets.end(), [&](const auto& a, const auto& b) {
    return distance_of_sizes(sizes, a.preset) < distance_of_sizes(sizes, b.preset);
  });
  return at == presets.end() ? nullptr : &*at;
}

// What is in a file of weights.
struct weights_description {
  weights_container container = weights_container::safetensors;
  found_layout layout{};
  tower_preset sizes{};
  std::vector<weights_tensor> tensors{};  // names, element types, shapes
  std::uint64_t elements = 0, bytes = 0;
};

inline weights_description describe_weights(const weights_file& file) {
  weights_description d{.container = file.container(), .sizes = sizes_of_weights(file), .tensors = file.tensors()};
  std::vector<std::string> names;
  for (const auto& t : file.tensors()) {
    names.push_back(t.name);
    d.elements += t.elements(), d.bytes += t.elements() * blip::describe(t.type).bytes;
  }
  d.layout = recognise_layout(names);
  return d;
}

inline std::string_view name_of(weights_container c) {
  static constexpr std::array<std::string_view, 5> names{"safetensors", "safetensors or torch.save, several files",
                                                         "torch.save", "torch.save before 1.6", "npz"};
  return names[static_cast<std::size_t>(c)];
}

// "visual_encoder.pos_embed  F32 [1, 197, 768]", a line for each tensor, and what it adds up to.
inline std::string to_text(const weights_description& d) {
  std::string text;
  std::size_t widest = 0;
  for (const auto& t : d.tensors) widest = std::max(widest, t.name.size());
  for (const auto& t : d.tensors)
    text += t.name + std::string(widest - t.name.size() + 2, ' ') + blip::describe(t.type).name + ' ' +
            shape_text(t.shape) + '\n';
  return text + std::to_string(d.tensors.size()) + " tensors, " + std::to_string(d.elements) + " elements, " +
         std::to_string(d.bytes) + " bytes; " + std::string(name_of(d.container)) + ", layout " +
         std::string(blip::describe(d.layout.layout).name) + '\n';
}

}  // namespace blip::inline BLIP_ABI
