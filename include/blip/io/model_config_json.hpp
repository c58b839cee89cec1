// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <charconv>
#include <string>
#include <string_view>

#include "blip/io/model_config.hpp"
#include "blip/io/safetensors.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

// Lines "name": value of a JSON object, indented.
class json_lines {
 public:
  explicit json_lines(int indent) : indent_(static_cast<std::size_t>(indent), ' ') {}

  json_lines& raw(std::string_view name, const std::string& value) {
    text_ += (text_.empty() ? "" : ",\n") + indent_;
    append_json_string(text_, name);
    text_ += ": " + value;
    return *this;
  }
  json_lines& text(std::string_view name, std::string_view value) {
    std::string quoted;
    append_json_string(quoted, value);
    return raw(name, quoted);
  }
  json_lines& number(std::string_view name, double v) {
    std::array<char, 32> digits{};
    std::string value(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), v).ptr);
    if (value.find_first_not_of("-0123456789") == value.npos) value += ".0";
    return raw(name, value);
  }
  json_lines& integer(std::string_view name, int v) { return raw(name, std::to_string(v)); }
  std::string object() const { return "{\n" + text_ + "\n" + indent_.substr(2) + "}"; }

 private:
  std::string indent_, text_;
};

}  // namespace detail

// What transformers' BLIP can hold of a model: its configuration, by the parts that it has. Throws config_error for the
// first thing that none of the classes has.
inline model_config to_model_config(const tower_config& structure, const tower_options& options, int projection = 256) {
  const auto refuse = [](const std::string& what, const std::string& expected, const std::string& found) {
    throw config_error({"transformers' BLIP: " + what, expected, found, "save it in the official layout"});
  };
  const bool encoder = structure.text.width > 0, decoder = structure.decoder.width > 0;
  model_config c{.sizes = {structure, options}, .projection = projection};
  for (const auto& a : detail::blip_architectures)
    if (structure.vision.width > 0 && a.encoder == encoder && a.decoder == decoder) c.architecture = a.name;
  if (c.architecture.empty()) refuse("parts", "a vision tower with an encoder, a decoder or both", "others");
  if (structure.masked_head) refuse("head for masked words", "none", "one");
  if (structure.sharing != decoder_sharing::none)
    refuse("decoder", "one of its own parameters", "one that shares them");
  if (options.vision.image_height != options.vision.image_width)
    refuse("pictures", "equal sides",
           std::to_string(options.vision.image_height) + " and " + std::to_string(options.vision.image_width));
  const auto check = [&](const text_config& t, const text_options& o) {
    if (t.cross != cross_schedule::all) refuse("cross-attention", "one in all layers", "another schedule");
    if (t.reading != picture_reading::one) refuse("pictures of a text", "one", "two");
    if (t.context != structure.vision.width)
      refuse("context width", "the vision tower's " + std::to_string(structure.vision.width),
             std::to_string(t.context));
    if (o.embedding.token_types != 0) refuse("token types", "none", std::to_string(o.embedding.token_types));
    if (o.embedding.norm_eps != o.norm_eps) refuse("text norm_eps", "one for all layers", "two");
  };
  if (encoder) check(structure.text, options.text);
  if (decoder) check(structure.decoder, options.decoder);
  if (encoder && decoder) {
    const auto &t = structure.text, &d = structure.decoder;
    if (t.width != d.width || t.heads != d.heads || t.hidden != d.hidden ||
        options.text.layers != options.decoder.layers ||
        options.text.embedding.vocabulary != options.decoder.embedding.vocabulary ||
        options.text.embedding.positions != options.decoder.embedding.positions)
      refuse("encoder and decoder", "one size", "two");
  }
  return c;
}

// The text of config.json, as transformers writes it. Source: `configuration_blip.py`.
inline std::string model_config_json(const model_config& c) {
  const tower_config& s = c.sizes.structure;
  const bool encoder = s.text.width > 0;
  const text_config& t = encoder ? s.text : s.decoder;
  const text_options& o = encoder ? c.sizes.options.text : c.sizes.options.decoder;
  const vit_options& v = c.sizes.options.vision;
  detail::json_lines text(4), vision(4), all(2);
  text.number("attention_probs_dropout_prob", static_cast<double>(o.attention_dropout))
      .integer("bos_token_id", c.start_token)
      .integer("encoder_hidden_size", s.vision.width)
      .integer("eos_token_id", c.end_token)
      .text("hidden_act", "gelu")
      .number("hidden_dropout_prob", static_cast<double>(o.dropout))
      .integer("hidden_size", t.width)
      .number("initializer_range", 0.02)
      .integer("intermediate_size", t.hidden)
      .raw("is_decoder", "true")
      .number("label_smoothing", c.label_smoothing)
      .number("layer_norm_eps", o.norm_eps)
      .integer("max_position_embeddings", o.embedding.positions)
      .text("model_type", "blip_text_model")
      .integer("num_attention_heads", t.heads)
      .integer("num_hidden_layers", o.layers)
      .integer("pad_token_id", c.padding_token)
      .integer("projection_dim", t.width)
      .integer("sep_token_id", c.stop_token)
      .raw("use_cache", "true")
      .integer("vocab_size", o.embedding.vocabulary);
  vision.number("attention_dropout", 0)
      .text("hidden_act", "gelu")
      .integer("hidden_size", s.vision.width)
      .integer("image_size", v.image_height)
      .number("initializer_range", 0.02)
      .integer("intermediate_size", s.vision.hidden)
      .number("layer_norm_eps", v.norm_eps)
      .text("model_type", "blip_vision_model")
      .integer("num_attention_heads", s.vision.heads)
      .integer("num_channels", s.vision.channels)
      .integer("num_hidden_layers", v.depth)
      .integer("patch_size", s.vision.patch)
      .integer("projection_dim", 512);
  all.raw("architectures", "[\"" + c.architecture + "\"]")
      .integer("image_text_hidden_size", c.projection)
      .number("initializer_factor", 1)
      .number("label_smoothing", c.label_smoothing)
      .number("logit_scale_init_value", 2.6592)
      .text("model_type", "blip")
      .integer("projection_dim", 512)
      .raw("text_config", text.object())
      .raw("tie_word_embeddings", "true")
      .text("torch_dtype", "float32")
      .raw("vision_config", vision.object());
  return all.object() + "\n";
}

// The text of generation_config.json: the ids that a caption or an answer starts and ends with.
inline std::string generation_config_json(const model_config& c) {
  detail::json_lines all(2);
  all.integer("bos_token_id", c.start_token)
      .integer("eos_token_id", c.end_token)
      .integer("pad_token_id", c.padding_token);
  return all.object() + "\n";
}

}  // namespace blip::inline BLIP_ABI
