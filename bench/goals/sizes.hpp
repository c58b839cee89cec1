// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/models/albef.hpp"
#include "blip/models/blip.hpp"

// Two sizes of every workload: the published models and batches, and models so small that an emulated GPU runs them.
namespace goals {

struct published {
  static constexpr const char* name = "published";
  static constexpr blip::tower_preset captioner = blip::blip_captioner_base, encoder = blip::blip_encoder_base,
                                      blip_model = blip::blip_base, albef_model = blip::albef_base;
  static constexpr blip::itc_config features{}, features_alone{.momentum = false};
  static constexpr int blip_queue = 57600, albef_queue = 65536;
  static constexpr blip::itm_options blip_itm{}, albef_itm{.first_token = -1};
  static constexpr blip::lm_options lm{};
  static blip::masking_options mlm() { return {}; }
  static constexpr int first_word = 1000, words = 20000, prompt = 30522, stop = 102;

  static constexpr int large_batch = 64, blip_batch = 128, albef_batch = 64, features_at_once = 1024;
  static constexpr int beams = 3, tokens = 20;
  // Of 25,000 texts and 5,000 pictures, with 256 candidates of each: pairs that read one picture.
  static constexpr int pairs_of_a_picture = 1536, pictures = 5000;
  static constexpr int longest_blip = 30, longest_albef = 25;
};

struct tiny {
  static constexpr const char* name = "tiny";
  // Heads of 16 columns are what a GPU takes to its tensor cores, heads of 8 are not.
  static constexpr blip::vit_preset vision{{.width = 16, .heads = 1, .hidden = 32, .patch = 8},
                                           {.depth = 2, .image_height = 16, .image_width = 16}};
  static constexpr blip::text_config reading = {
      .width = 16, .heads = 2, .hidden = 32, .context = 16, .cross = blip::cross_schedule::all};
  static constexpr blip::text_config fusing = {
      .width = 16, .heads = 1, .hidden = 32, .context = 16, .cross = blip::cross_schedule::from_layer};
  static constexpr blip::text_options few{.layers = 2,
                                          .embedding = {.vocabulary = 40, .positions = 8, .dropout = 0.1f},
                                          .dropout = 0.1f,
                                          .attention_dropout = 0.1f};
  static constexpr blip::text_options more{.layers = 3,
                                           .cross_from = 1,
                                           .embedding = {.vocabulary = 40, .positions = 8, .dropout = 0.1f},
                                           .dropout = 0.1f,
                                           .attention_dropout = 0.1f};
  static constexpr blip::tower_preset captioner{blip::captioner_structure(vision.structure, reading),
                                                {vision.options, {}, few}},
      encoder{blip::encoder_structure(vision.structure, reading), {vision.options, few, {}}},
      blip_model{blip::blip_structure(vision.structure, reading), {vision.options, few, few}},
      albef_model{blip::albef_structure(vision.structure, fusing), {vision.options, more, {}}};
  static constexpr blip::itc_config features{.width = 8}, features_alone{.width = 8, .momentum = false};
  static constexpr int blip_queue = 10, albef_queue = 10;
  static constexpr blip::itm_options blip_itm{.first_token = 38}, albef_itm{.first_token = -1};
  static constexpr blip::lm_options lm{.first_token = 39};
  static blip::masking_options mlm() { return {.rate = 0.4, .mask = 4, .never = {0, 1}}; }
  static constexpr int first_word = 5, words = 30, prompt = 39, stop = 2;

  static constexpr int large_batch = 9, blip_batch = 4, albef_batch = 4, features_at_once = 5;
  static constexpr int beams = 3, tokens = 4;
  static constexpr int pairs_of_a_picture = 6, pictures = 4;
  static constexpr int longest_blip = 6, longest_albef = 5;
};

}  // namespace goals
