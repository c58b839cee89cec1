// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI {

// What is in the type of a vision tower. Equal structures are one type, whatever the depth and the picture size.
struct vit_config {
  int width = 0, heads = 0, hidden = 0;
  int patch = 16;
  int channels = 3;
};

// What is known at run time.
struct vit_options {
  int depth = 12;
  int image_height = 224, image_width = 224;  // the grid of the position table
  bool any_size = false;      // accept other pictures by resizing the position table on the way
  double norm_eps = 1e-6;
  float drop_path = 0;        // of the last block; block i of L has drop_path * i / (L - 1)
  float dropout = 0;
  int checkpoint_last = 0;    // so many of the last blocks are recomputed in the backward pass
};

// A named size: structure and options together.
struct vit_preset {
  vit_config structure;
  vit_options options;
};

inline constexpr vit_preset vit_b16{{.width = 768, .heads = 12, .hidden = 3072}, {.depth = 12}};
inline constexpr vit_preset vit_l16{{.width = 1024, .heads = 16, .hidden = 4096}, {.depth = 24}};

// Number of parameters: class row, position table, patch projection, blocks, last norm.
constexpr std::int64_t parameter_count(const vit_config& c, const vit_options& o) {
  const std::int64_t w = c.width, h = c.hidden;
  const std::int64_t rows = 1 + std::int64_t{o.image_height / c.patch} * (o.image_width / c.patch);
  const std::int64_t block = 4 * w + 4 * (w * w + w) + 2 * w * h + h + w;
  return w + rows * w + (std::int64_t{c.channels} * c.patch * c.patch + 1) * w + o.depth * block + 2 * w;
}

}  // namespace blip::inline BLIP_ABI
