// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "blip/io/name_pattern.hpp"
#include "blip/io/weights_layout.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

inline constexpr std::array<name_rule, 1> official_rules{{{"*", "*"}}};
inline constexpr std::array<name_rule, 14> transformers_rules{{
    {"visual_encoder.cls_token", "vision_model.embeddings.class_embedding"},
    {"visual_encoder.pos_embed", "vision_model.embeddings.position_embedding"},
    {"visual_encoder.patch_embed.proj.*", "vision_model.embeddings.patch_embedding.*"},
    {"visual_encoder.norm.*", "vision_model.post_layernorm.*"},
    {"visual_encoder.blocks.#.norm1.*", "vision_model.encoder.layers.#.layer_norm1.*"},
    {"visual_encoder.blocks.#.norm2.*", "vision_model.encoder.layers.#.layer_norm2.*"},
    {"visual_encoder.blocks.#.attn.qkv.*", "vision_model.encoder.layers.#.self_attn.qkv.*"},
    {"visual_encoder.blocks.#.attn.proj.*", "vision_model.encoder.layers.#.self_attn.projection.*"},
    {"visual_encoder.blocks.#.mlp.*", "vision_model.encoder.layers.#.mlp.*"},
    {"text_encoder.e*", "text_encoder.e*"},  // embeddings, encoder
    {"text_decoder.*", "text_decoder.*"},
    {"vision_proj.*", "vision_proj.*"},
    {"text_proj.*", "text_proj.*"},
    {"itm_head.*", "itm_head.*"},
}};
// Old files call the gain gamma and the bias beta.
inline constexpr std::array<name_rule, 16> bert_rules{{
    {"text_encoder.cls.*", "cls.*"},
    {"text_encoder.cls.*LayerNorm.weight", "cls.*LayerNorm.gamma"},
    {"text_encoder.cls.*LayerNorm.bias", "cls.*LayerNorm.beta"},
    {"text_encoder.bert.*", "bert.*"},
    {"text_encoder.bert.*LayerNorm.weight", "bert.*LayerNorm.gamma"},
    {"text_encoder.bert.*LayerNorm.bias", "bert.*LayerNorm.beta"},
    {"text_encoder.bert.embeddings.*", "embeddings.*"},
    {"text_encoder.bert.encoder.layer.*", "encoder.layer.*"},
    {"text_decoder.cls.*", "cls.*"},
    {"text_decoder.cls.*LayerNorm.weight", "cls.*LayerNorm.gamma"},
    {"text_decoder.cls.*LayerNorm.bias", "cls.*LayerNorm.beta"},
    {"text_decoder.bert.*", "bert.*"},
    {"text_decoder.bert.*LayerNorm.weight", "bert.*LayerNorm.gamma"},
    {"text_decoder.bert.*LayerNorm.bias", "bert.*LayerNorm.beta"},
    {"text_decoder.bert.embeddings.*", "embeddings.*"},
    {"text_decoder.bert.encoder.layer.*", "encoder.layer.*"},
}};
inline constexpr std::array<name_rule, 5> vit_timm_rules{{
    {"visual_encoder.cls_token", "cls_token"},
    {"visual_encoder.pos_embed", "pos_embed"},
    {"visual_encoder.patch_embed.*", "patch_embed.*"},
    {"visual_encoder.blocks.#.*", "blocks.#.*"},
    {"visual_encoder.norm.*", "norm.*"},
}};
inline constexpr std::array<name_rule, 10> vit_transformers_rules{{
    {"visual_encoder.cls_token", "embeddings.cls_token"},
    {"visual_encoder.pos_embed", "embeddings.position_embeddings"},
    {"visual_encoder.patch_embed.proj.*", "embeddings.patch_embeddings.projection.*"},
    {"visual_encoder.norm.*", "layernorm.*"},
    {"visual_encoder.blocks.#.norm1.*", "encoder.layer.#.layernorm_before.*"},
    {"visual_encoder.blocks.#.norm2.*", "encoder.layer.#.layernorm_after.*"},
    {"visual_encoder.blocks.#.attn.qkv.*", "encoder.layer.#.attention.attention.{query|key|value}.*"},
    {"visual_encoder.blocks.#.attn.proj.*", "encoder.layer.#.attention.output.dense.*"},
    {"visual_encoder.blocks.#.mlp.fc1.*", "encoder.layer.#.intermediate.dense.*"},
    {"visual_encoder.blocks.#.mlp.fc2.*", "encoder.layer.#.output.dense.*"},
}};
inline constexpr std::array<name_rule, 18> vit_jax_rules{{
    {"visual_encoder.cls_token", "cls"},
    {"visual_encoder.pos_embed", "Transformer/posembed_input/pos_embedding"},
    {"visual_encoder.patch_embed.proj.weight", "embedding/kernel", element_order::convolution},
    {"visual_encoder.patch_embed.proj.bias", "embedding/bias"},
    {"visual_encoder.norm.weight", "Transformer/encoder_norm/scale"},
    {"visual_encoder.norm.bias", "Transformer/encoder_norm/bias"},
    {"visual_encoder.blocks.#.norm1.weight", "Transformer/encoderblock_#/LayerNorm_0/scale"},
    {"visual_encoder.blocks.#.norm1.bias", "Transformer/encoderblock_#/LayerNorm_0/bias"},
    {"visual_encoder.blocks.#.attn.qkv.weight",
     "Transformer/encoderblock_#/MultiHeadDotProductAttention_1/{query|key|value}/kernel", element_order::transposed},
    {"visual_encoder.blocks.#.attn.qkv.bias",
     "Transformer/encoderblock_#/MultiHeadDotProductAttention_1/{query|key|value}/bias", element_order::flat},
    {"visual_encoder.blocks.#.attn.proj.weight", "Transformer/encoderblock_#/MultiHeadDotProductAttention_1/out/kernel",
     element_order::transposed},
    {"visual_encoder.blocks.#.attn.proj.bias", "Transformer/encoderblock_#/MultiHeadDotProductAttention_1/out/bias"},
    {"visual_encoder.blocks.#.norm2.weight", "Transformer/encoderblock_#/LayerNorm_2/scale"},
    {"visual_encoder.blocks.#.norm2.bias", "Transformer/encoderblock_#/LayerNorm_2/bias"},
    {"visual_encoder.blocks.#.mlp.fc1.weight", "Transformer/encoderblock_#/MlpBlock_3/Dense_0/kernel",
     element_order::transposed},
    {"visual_encoder.blocks.#.mlp.fc1.bias", "Transformer/encoderblock_#/MlpBlock_3/Dense_0/bias"},
    {"visual_encoder.blocks.#.mlp.fc2.weight", "Transformer/encoderblock_#/MlpBlock_3/Dense_1/kernel",
     element_order::transposed},
    {"visual_encoder.blocks.#.mlp.fc2.bias", "Transformer/encoderblock_#/MlpBlock_3/Dense_1/bias"},
}};

// Two pictures to a text and token types are not in transformers' BLIP.
inline constexpr std::array<std::string_view, 6> unknown_to_transformers{
    "*.token_type_embeddings.*",        "*.crossattention.self0.*",         "*.crossattention.self1.*",
    "*.crossattention.output.dense0.*", "*.crossattention.output.dense1.*", "*.crossattention.output.merge_layer.*"};
inline constexpr std::array<std::string_view, 1> kept_by_transformers{"temp"};
inline constexpr std::array<std::string_view, 1> unknown_to_lavis{"*.token_type_embeddings.*"};

}  // namespace detail

// In the order of weights_layout. Sources: state dictionaries of salesforce/ALBEF, salesforce/BLIP and
// salesforce/LAVIS; transformers, `convert_blip_original_pytorch_to_hf.py`, `modeling_bert.py` and `modeling_vit.py`;
// timm, `vision_transformer.py`; BLIP, `vit.py` (arrays of JAX).
inline constexpr std::array<layout_rules, 7> weights_layouts{{
    {weights_layout::official, "official", detail::official_rules, {"", "module."}, {}, true},
    {weights_layout::lavis, "lavis", detail::official_rules, {""}, detail::unknown_to_lavis, true},
    {weights_layout::transformers,
     "transformers",
     detail::transformers_rules,
     {""},
     detail::unknown_to_transformers,
     true,
     detail::kept_by_transformers},
    {weights_layout::bert, "bert", detail::bert_rules, {""}},
    {weights_layout::vit_timm, "vit_timm", detail::vit_timm_rules, {""}},
    {weights_layout::vit_transformers, "vit_transformers", detail::vit_transformers_rules, {"vit.", "deit.", ""}},
    {weights_layout::vit_jax, "vit_jax", detail::vit_jax_rules, {"", "opt/target/"}},
}};
constexpr const layout_rules& describe(weights_layout l) { return weights_layouts[static_cast<std::size_t>(l)]; }

namespace detail {

// Both sides of a rule must have the same signs, and places in the table must be the enumerators' values.
consteval bool layouts_agree() {
  for (std::size_t i = 0; i < weights_layouts.size(); ++i) {
    if (weights_layouts[i].layout != static_cast<weights_layout>(i)) return false;
    for (const name_rule& r : weights_layouts[i].rules)
      if (!same_signs(r.ours, r.theirs)) return false;
  }
  return true;
}
static_assert(layouts_agree());

}  // namespace detail

}  // namespace blip::inline BLIP_ABI
