// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "blip/config/text.hpp"
#include "blip/config/vit.hpp"

namespace blip::inline BLIP_ABI {

// What a text decoder shares with the text encoder (BLIP paper, table 3).
enum class decoder_sharing { none, all, all_but_self_attention, all_but_cross_attention, all_but_feed_forward };

// What is in the type of a model's towers. A width of 0 leaves a tower out.
struct tower_config {
  vit_config vision{};
  text_config text{};
  bool masked_head = false;       // a word head on the encoder (masked language modelling)
  text_config decoder{};          // causal, with a word head
  decoder_sharing sharing = decoder_sharing::none;
  bool average_decoder = false;   // the momentum model has a decoder too
  bool causal_text = false;       // texts see what came before only, and their feature is the last row's (CoCa)
};

// What is known at run time.
struct tower_options {
  vit_options vision{};
  text_options text{}, decoder{};
};

// A named size: structure and options together.
struct tower_preset {
  tower_config structure;
  tower_options options;
};

// A vision tower and a text encoder, nothing else: retrieval, matching, entailment.
constexpr tower_config encoder_structure(const vit_config& vision, const text_config& text) {
  return {.vision = vision, .text = text};
}

// Parameters of a word head beside the word table.
constexpr std::int64_t head_parameter_count(const text_config& c, const text_options& o) {
  const std::int64_t w = c.width;
  return w * w + w + 2 * w + o.embedding.vocabulary;
}

// Number of different parameters of the towers, those that the decoder shares counted once.
constexpr std::int64_t parameter_count(const tower_config& c, const tower_options& o) {
  std::int64_t n = 0;
  if (c.vision.width > 0) n += parameter_count(c.vision, o.vision);
  if (c.text.width > 0) n += parameter_count(c.text, o.text);
  if (c.masked_head) n += head_parameter_count(c.text, o.text);
  if (c.decoder.width == 0) return n;
  n += parameter_count(c.decoder, o.decoder) + head_parameter_count(c.decoder, o.decoder);
  if (c.sharing == decoder_sharing::none) return n;
  const std::int64_t w = c.decoder.width, h = c.decoder.hidden, layers = o.decoder.layers;
  const std::int64_t own = c.sharing == decoder_sharing::all_but_self_attention ? 4 * (w * w + w) + 2 * w
                           : c.sharing == decoder_sharing::all_but_cross_attention
                               ? 2 * (w * w + w) + 2 * (std::int64_t{c.decoder.context} * w + w) + 2 * w
                           : c.sharing == decoder_sharing::all_but_feed_forward ? 2 * w * h + h + w + 2 * w
                                                                                : 0;
  return n - parameter_count(c.decoder, o.decoder) + layers * own;
}

}  // namespace blip::inline BLIP_ABI
