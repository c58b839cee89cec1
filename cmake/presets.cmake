# SPDX-License-Identifier: Apache-2.0
#
# A checkpoint's config.json as a compiled size.
include("${CMAKE_CURRENT_LIST_DIR}/json_constants.cmake")

# blip_add_preset(TARGET CONFIG [NAME name]): TARGET may include "blip_preset/<name>.hpp", which defines
# blip_preset::<name>, a blip::tower_preset of the sizes that CONFIG, a config.json of transformers' BLIP, states.
# `name` is the name of the file's folder unless it is given. A model of it:
#
#   blip::blip_captioner<blip_preset::<name>.structure, blip::cpu>
#
# The numbers and their defaults are those of blip::read_model_config. Afterwards blip_preset_class holds the class that
# CONFIG names.
function(blip_add_preset target config)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "NAME" "")
  get_filename_component(config "${config}" ABSOLUTE)
  if(NOT EXISTS "${config}")
    message(FATAL_ERROR "blip_add_preset: there is no ${config}; it is the config.json of a model's folder")
  endif()
  if(NOT arg_NAME)
    get_filename_component(arg_NAME "${config}" DIRECTORY)
    get_filename_component(arg_NAME "${arg_NAME}" NAME)
  endif()
  string(MAKE_C_IDENTIFIER "${arg_NAME}" name)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${config}")
  file(READ "${config}" json)
  string(JSON architecture ERROR_VARIABLE broken GET "${json}" architectures 0)
  if(broken)
    message(FATAL_ERROR "blip_add_preset: ${config} names no class under \"architectures\": ${broken}")
  elseif(architecture STREQUAL "BlipForConditionalGeneration")
    set(structure "blip::captioner_structure(vision, text)")
    set(options "{vision_options, {}, text_options}")
  elseif(architecture STREQUAL "BlipForQuestionAnswering")
    set(structure "blip::answerer_structure(vision, text)")
    set(options "{vision_options, text_options, text_options}")
  elseif(architecture STREQUAL "BlipForImageTextRetrieval")
    set(structure "blip::encoder_structure(vision, text)")
    set(options "{vision_options, text_options, {}}")
  else()
    message(FATAL_ERROR "blip_add_preset: ${config} is of the class ${architecture}; the sizes of "
      "BlipForConditionalGeneration, BlipForQuestionAnswering and BlipForImageTextRetrieval are known")
  endif()
  set(constants "")
  foreach(part vision_config text_config)
    string(JSON object ERROR_VARIABLE broken GET "${json}" ${part})
    if(broken)
      message(FATAL_ERROR "blip_add_preset: ${config} has no ${part}")
    endif()
    blip_json_constants("${object}" "${part}_" lines)
    string(APPEND constants "${lines}")
  endforeach()
  set(projection 256)
  string(JSON found ERROR_VARIABLE broken GET "${json}" image_text_hidden_size)
  if(NOT broken)
    set(projection ${found})
  endif()
  file(CONFIGURE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/${target}_presets/blip_preset/${name}.hpp" CONTENT
"// Written at configure time from @config@.
#pragma once
#include <array>

#include \"blip/models/blip.hpp\"

namespace blip_preset {

namespace defaults {  // what a config.json need not state
inline constexpr int vision_config_hidden_size = 768, vision_config_num_attention_heads = 12,
                     vision_config_intermediate_size = 3072, vision_config_patch_size = 16,
                     vision_config_num_channels = 3, vision_config_image_size = 384, vision_config_num_hidden_layers = 12,
                     text_config_hidden_size = 768, text_config_num_attention_heads = 8,
                     text_config_intermediate_size = 3072, text_config_num_hidden_layers = 12,
                     text_config_vocab_size = 30524, text_config_max_position_embeddings = 512,
                     text_config_pad_token_id = 0;
inline constexpr double vision_config_layer_norm_eps = 1e-5, text_config_layer_norm_eps = 1e-12,
                        text_config_hidden_dropout_prob = 0, text_config_attention_probs_dropout_prob = 0;
}  // namespace defaults

namespace of_@name@ {

using namespace defaults;
@constants@
inline constexpr blip::vit_config vision{.width = vision_config_hidden_size,
                                         .heads = vision_config_num_attention_heads,
                                         .hidden = vision_config_intermediate_size,
                                         .patch = vision_config_patch_size,
                                         .channels = vision_config_num_channels};
inline constexpr blip::vit_options vision_options{.depth = vision_config_num_hidden_layers,
                                                  .image_height = vision_config_image_size,
                                                  .image_width = vision_config_image_size,
                                                  .norm_eps = vision_config_layer_norm_eps};
inline constexpr blip::text_config text{.width = text_config_hidden_size,
                                        .heads = text_config_num_attention_heads,
                                        .hidden = text_config_intermediate_size,
                                        .context = vision_config_hidden_size,
                                        .cross = blip::cross_schedule::all};
inline constexpr blip::text_options text_options{
    .layers = text_config_num_hidden_layers,
    .embedding = {.vocabulary = text_config_vocab_size,
                  .positions = text_config_max_position_embeddings,
                  .padding = text_config_pad_token_id,
                  .norm_eps = text_config_layer_norm_eps,
                  .dropout = static_cast<float>(text_config_hidden_dropout_prob)},
    .norm_eps = text_config_layer_norm_eps,
    .dropout = static_cast<float>(text_config_hidden_dropout_prob),
    .attention_dropout = static_cast<float>(text_config_attention_probs_dropout_prob)};

inline constexpr blip::tower_preset preset{@structure@, @options@};

}  // namespace of_@name@

inline constexpr blip::tower_preset @name@ = of_@name@::preset;  // a @architecture@
inline constexpr blip::itc_config @name@_features{.width = @projection@, .momentum = false};

}  // namespace blip_preset
" @ONLY)
  target_include_directories(${target} PRIVATE "${CMAKE_CURRENT_BINARY_DIR}/${target}_presets")
  set(blip_preset_class ${architecture} PARENT_SCOPE)
endfunction()
