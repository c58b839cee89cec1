// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "blip/config/towers.hpp"
#include "blip/io/json_fields.hpp"

namespace blip::inline BLIP_ABI {

// What transformers' config.json says of a BLIP model: which parts it has, their sizes, and a few ids.
struct model_config {
  std::string architecture{};  // BlipForConditionalGeneration, BlipForQuestionAnswering, BlipForImageTextRetrieval
  tower_preset sizes{};
  int projection = 256;  // width of the contrastive features
  int start_token = 30522, stop_token = 102, end_token = 2,
      padding_token = 0;  // [DEC], [SEP]; the class's eos, never met
  double label_smoothing = 0;
};

namespace detail {

struct blip_architecture {
  std::string_view name;
  bool encoder, decoder;
};
inline constexpr std::array<blip_architecture, 3> blip_architectures{{
    {"BlipForConditionalGeneration", false, true},
    {"BlipForQuestionAnswering", true, true},
    {"BlipForImageTextRetrieval", true, false},
}};

inline void require_gelu(const json_fields& c) {
  const std::string act = c.text("hidden_act", "gelu");
  if (act != "gelu") c.fail("hidden_act", "gelu, by the error function", act);
}

}  // namespace detail

// Reads config.json of transformers' BLIP; a field that is absent has the default of `configuration_blip.py`. The
// encoder reads rows of the vision tower's width, whatever the file says, and so does the decoder (question answering:
// rows of the text's width), as the classes themselves do. Throws io_error, limit_error, format_error, config_error.
[[gnu::cold]] inline model_config read_model_config(const std::string& path, const limits& bounds = {}) {
  const json_fields all(path, bounds);
  model_config c;
  const auto names = all.list<std::string>("architectures", "texts");
  if (all.text("model_type", "blip") != "blip")
    all.fail("model_type", "blip", all.text("model_type", ""), "only BLIP's models are read");
  if (names.size() != 1) all.fail("architectures", "the name of one class", std::to_string(names.size()) + " names");
  c.architecture = names[0];
  const detail::blip_architecture* kind = nullptr;
  for (const auto& a : detail::blip_architectures)
    if (a.name == c.architecture) kind = &a;
  if (!kind)
    all.fail("architectures", "BlipForConditionalGeneration, BlipForQuestionAnswering or BlipForImageTextRetrieval",
             c.architecture, "other classes are no captioner, answerer or retriever");
  const auto vision = all.object("vision_config"), text = all.object("text_config");
  if (!vision || !text) all.fail(vision ? "text_config" : "vision_config", "an object", "none");

  vit_config& v = c.sizes.structure.vision;
  detail::require_gelu(*vision), detail::require_gelu(*text);
  v.width = vision->integer("hidden_size", 768, 1), v.hidden = vision->integer("intermediate_size", 3072, 1);
  v.heads = vision->integer("num_attention_heads", 12, 1), v.patch = vision->integer("patch_size", 16, 1, 1 << 12);
  v.channels = vision->integer("num_channels", 3, 1, 64);
  const int side = vision->integer("image_size", 384, v.patch, 1 << 15);
  c.sizes.options.vision = {.depth = vision->integer("num_hidden_layers", 12, 1, 1 << 12),
                            .image_height = side,
                            .image_width = side,
                            .norm_eps = vision->number("layer_norm_eps", 1e-5)};
  text_config t{.width = text->integer("hidden_size", 768, 1),
                .heads = text->integer("num_attention_heads", 8, 1),
                .hidden = text->integer("intermediate_size", 3072, 1),
                .context = v.width,
                .cross = cross_schedule::all};
  const double eps = text->number("layer_norm_eps", 1e-12);
  const auto dropout = static_cast<float>(text->number("hidden_dropout_prob", 0));
  const text_options o{.layers = text->integer("num_hidden_layers", 12, 1, 1 << 12),
                       .embedding = {.vocabulary = text->integer("vocab_size", 30524, 1),
                                     .positions = text->integer("max_position_embeddings", 512, 1),
                                     .padding = text->integer("pad_token_id", 0),
                                     .norm_eps = eps,
                                     .dropout = dropout},
                       .norm_eps = eps,
                       .dropout = dropout,
                       .attention_dropout = static_cast<float>(text->number("attention_probs_dropout_prob", 0))};
  if (kind->encoder) c.sizes.structure.text = t, c.sizes.options.text = o;
  if (kind->encoder && kind->decoder && t.width != v.width)
    throw config_error({path + ": text_config.hidden_size of an answerer",
                        "the vision tower's " + std::to_string(v.width), std::to_string(t.width),
                        "its decoder reads both"});
  if (kind->decoder) c.sizes.structure.decoder = t, c.sizes.options.decoder = o;
  for (const auto& [name, width, heads] :
       {std::tuple("vision_config", v.width, v.heads), {"text_config", t.width, t.heads}})
    if (width % heads != 0)
      throw config_error({path + ": " + name + ".num_attention_heads",
                          "a divisor of " + std::to_string(width),
                          std::to_string(heads),
                          {}});
  if (side % v.patch != 0)
    throw config_error({path + ": vision_config.image_size",
                        "a multiple of the patch size " + std::to_string(v.patch),
                        std::to_string(side),
                        {}});
  c.projection = all.integer("image_text_hidden_size", 256, 1);
  c.start_token = text->integer("bos_token_id", 30522), c.stop_token = text->integer("sep_token_id", 102);
  c.end_token = text->integer("eos_token_id", 2), c.padding_token = text->integer("pad_token_id", 0);
  c.label_smoothing = all.number("label_smoothing", text->number("label_smoothing", 0));
  return c;
}

// Throws config_error that names the first number in which a compiled model differs from the one wanted.
[[gnu::cold]] inline void require_structure(const std::string& where, const tower_config& compiled,
                                            const tower_config& wanted) {
  const auto same = [&](const char* part, const char* what, int have, int want) {
    if (have != want)
      throw config_error({where + ": " + part + what, std::to_string(have) + " as compiled", std::to_string(want),
                          "compile a model of this size: the numbers of tower_config are part of its type"});
  };
  const auto has = [&](const char* what, int have, int want) {
    if ((have > 0) != (want > 0))
      throw config_error({where + ": " + what, have > 0 ? "one, as compiled" : "none, as compiled",
                          want > 0 ? "one" : "none", "use the model of that task"});
  };
  has("vision tower", compiled.vision.width, wanted.vision.width);
  has("text encoder", compiled.text.width, wanted.text.width);
  has("text decoder", compiled.decoder.width, wanted.decoder.width);
  const auto &v = compiled.vision, &w = wanted.vision;
  same("vision", " width", v.width, w.width), same("vision", " heads", v.heads, w.heads);
  same("vision", " hidden width", v.hidden, w.hidden), same("patch size", "", v.patch, w.patch);
  same("channels", "", v.channels, w.channels);
  for (const auto& [name, a, b] : {std::tuple("text encoder", &compiled.text, &wanted.text),
                                   {"text decoder", &compiled.decoder, &wanted.decoder}}) {
    same(name, " width", a->width, b->width), same(name, " heads", a->heads, b->heads);
    same(name, " hidden width", a->hidden, b->hidden), same(name, " context width", a->context, b->context);
    same(name, " cross-attention schedule", static_cast<int>(a->cross), static_cast<int>(b->cross));
    same(name, " pictures", static_cast<int>(a->reading), static_cast<int>(b->reading));
  }
}

}  // namespace blip::inline BLIP_ABI
