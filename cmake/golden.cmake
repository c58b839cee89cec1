# SPDX-License-Identifier: Apache-2.0
#
# A golden case fixes the sizes of its model. They are types in this library, so a case's configuration becomes a header
# when the project is configured, and the test is compiled for exactly that model.

include(json_constants)

# Sets `result` to a folder that shows the cases of `given`, and those of this clone where it has none: <group>/<case> each.
function(blip_golden_folder given result)
  file(GLOB cases "${given}/*/*")
  if(NOT cases)
    message(FATAL_ERROR "BLIP_GOLDEN_DIR ${given} holds no golden cases; name a folder of <group>/<case>/case.json, or none")
  endif()
  set(shown "${CMAKE_CURRENT_BINARY_DIR}/golden_cases")
  file(REMOVE_RECURSE "${shown}")
  file(GLOB own "${PROJECT_SOURCE_DIR}/tests/golden/cases/*/*")
  foreach(case IN LISTS cases own)
    get_filename_component(name "${case}" NAME)
    get_filename_component(group "${case}" DIRECTORY)
    get_filename_component(group "${group}" NAME)
    if(NOT EXISTS "${shown}/${group}/${name}")
      file(MAKE_DIRECTORY "${shown}/${group}")
      file(CREATE_LINK "${case}" "${shown}/${group}/${name}" SYMBOLIC)
    endif()
  endforeach()
  set(${result} "${shown}" PARENT_SCOPE)
endfunction()

# Test golden_<family>_<case> from tests/golden/<source>; a fourth argument is appended to the name of a case's second test.
function(blip_golden_test family case source)
  set(directory "${blip_golden}/${family}/${case}")
  set(name golden_${family}_${case}${ARGN})
  if(NOT EXISTS "${directory}/case.json")
    message(STATUS "skipped ${name}: no ${family}/${case} in ${blip_golden}; BLIP_GOLDEN_DIR names a folder with more cases")
    return()
  endif()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${directory}/case.json")
  file(READ "${directory}/case.json" json)
  string(JSON configuration ERROR_VARIABLE missing GET "${json}" configuration)
  if(missing AND EXISTS "${directory}/model/config.json")  # a model in the folder layout of transformers
    file(READ "${directory}/model/config.json" configuration)
  elseif(missing)
    string(JSON configuration GET "${json}" config)
  endif()
  blip_json_constants("${configuration}" "" constants)
  file(CONFIGURE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/config/${name}/golden_config.hpp" CONTENT
"// Written at configure time from the case's case.json.
#pragma once
#include <array>
#include <string_view>
namespace blip_golden_defaults {  // what not every case states
inline constexpr double label_smoothing = 0;
inline constexpr int vision_mlp_hidden = 0, vision_mlp_ratio = 0, vocab_size = 0, text_vocab_size = 0, max_positions = 0,
                     text_max_positions = 0, text_type_vocab_size = 0, text_fusion_layer = 0, text_len = 0, embed_dim = 1,
                     queue_size = 1, bos_id = -1, enc_id = -1, prompt_length = 0, decoder_layers = 1, special_ids_mask = 0,
                     special_ids_pad = 0, special_ids_cls = 0, decoder_encoder_width = 1;
inline constexpr double momentum = 0.995;
}
namespace blip_golden {
using namespace blip_golden_defaults;
inline constexpr std::string_view family = \"@family@\";
inline constexpr std::string_view directory = \"@directory@\";
inline constexpr std::string_view case_name = \"@case@\";
@constants@}  // namespace blip_golden
" @ONLY)
  add_executable(${name} "${PROJECT_SOURCE_DIR}/tests/golden/${source}")
  target_include_directories(${name} PRIVATE "${CMAKE_CURRENT_BINARY_DIR}/config/${name}" "${PROJECT_SOURCE_DIR}/tests/golden")
  target_link_libraries(${name} PRIVATE blip_catch_main blip_glue blip::data)
  blip_register_test(${name})
endfunction()

# A golden test that reads words or picture files.
function(blip_golden_files_test family case source suffix)
  if(TARGET blip::text AND TARGET blip::images)
    blip_golden_test(${family} ${case} ${source} ${suffix})
    if(TARGET golden_${family}_${case}${suffix})
      target_link_libraries(golden_${family}_${case}${suffix} PRIVATE blip::text blip::images)
    endif()
  endif()
endfunction()
