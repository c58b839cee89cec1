// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI {

// The input of a text tower.
struct embedding_options {
  int vocabulary = 0;   // rows of the word table
  int positions = 512;  // longest sequence
  int token_types = 0;  // rows of the token-type table (row 0 is added everywhere); 0: no table, as in BLIP
  int padding = 0;      // this word gets no gradient from look-ups; -1: none
  double norm_eps = 1e-12;
  float dropout = 0;
};

// Which layers of a text tower have cross-attention. The depth at which `from_layer` begins is a run-time option.
enum class cross_schedule { none, from_layer, all };

// How a text reads its pictures: it has one; two, which the layers with cross-attention read by turns, a pair of layers
// sharing keys and values (ALBEF's NLVR2); two, and every layer reads both (BLIP's).
enum class picture_reading { one, by_turns, both };

// What is in the type of a text tower.
struct text_config {
  int width = 0, heads = 0, hidden = 0;
  int context = 0;  // width of the rows that cross-attention reads
  cross_schedule cross = cross_schedule::none;
  picture_reading reading = picture_reading::one;
};

// What is known at run time.
struct text_options {
  int layers = 12;
  int cross_from = 0;  // first layer with cross-attention, for cross_schedule::from_layer (ALBEF: 6)
  int merge_from = 6;  // first layer that merges two readings by a product, for picture_reading::both
  embedding_options embedding{};
  double norm_eps = 1e-12;
  float dropout = 0;
  float attention_dropout = 0;
  int checkpoint_last = 0;  // so many of the last layers are recomputed in the backward pass
};

// A named size: structure and options together.
struct text_preset {
  text_config structure;
  text_options options;
};

// BERT-base as ALBEF uses it: six text layers, then six with cross-attention; token types.
inline constexpr text_preset albef_text{
    {.width = 768, .heads = 12, .hidden = 3072, .context = 768, .cross = cross_schedule::from_layer},
    {.layers = 12, .cross_from = 6, .embedding = {.vocabulary = 30522, .token_types = 2, .dropout = 0.1f},
     .dropout = 0.1f, .attention_dropout = 0.1f}};
// BERT-base as BLIP uses it (MED): cross-attention everywhere, no token types, [DEC] and [ENC] appended.
inline constexpr text_preset blip_text{
    {.width = 768, .heads = 12, .hidden = 3072, .context = 768, .cross = cross_schedule::all},
    {.layers = 12, .embedding = {.vocabulary = 30524, .dropout = 0.1f}, .dropout = 0.1f, .attention_dropout = 0.1f}};
// The same beside ViT-L/16.
inline constexpr text_preset blip_text_large{
    {.width = 768, .heads = 12, .hidden = 3072, .context = 1024, .cross = cross_schedule::all}, blip_text.options};

// Number of parameters of the tower, without a head.
constexpr std::int64_t parameter_count(const text_config& c, const text_options& o) {
  const std::int64_t w = c.width, h = c.hidden;
  const std::int64_t self = 4 * (w * w + w) + 2 * w, mlp = 2 * w * h + h + w + 2 * w;
  const std::int64_t cross = 2 * (w * w + w) + 2 * (std::int64_t{c.context} * w + w) + 2 * w;
  const std::int64_t crossing = c.cross == cross_schedule::none  ? 0
                                : c.cross == cross_schedule::all ? o.layers
                                                                 : o.layers - o.cross_from;
  const std::int64_t keys_values = 2 * (std::int64_t{c.context} * w + w);
  const std::int64_t unmerged = o.merge_from - (o.layers - crossing);  // of the crossing layers
  const std::int64_t merging = unmerged < 0 ? crossing : unmerged < crossing ? crossing - unmerged : 0;
  const std::int64_t second = c.reading == picture_reading::by_turns ? -(crossing / 2) * keys_values
                              : c.reading == picture_reading::both
                                  ? crossing * (2 * (w * w + w) + keys_values) + merging * (2 * w * w + w)
                                  : 0;
  return (std::int64_t{o.embedding.vocabulary} + o.embedding.positions + o.embedding.token_types) * w + 2 * w +
         o.layers * (self + mlp) + crossing * cross + second;
}

}  // namespace blip::inline BLIP_ABI
