# SPDX-License-Identifier: Apache-2.0

# A program of bench/goals. Tests, benchmarks and the programs for a GPU build gpu_goals, whoever comes first.
function(blip_goals_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBRARIES")
  list(TRANSFORM arg_SOURCES PREPEND "${PROJECT_SOURCE_DIR}/bench/goals/")
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/bench" "${PROJECT_SOURCE_DIR}/tests")
  target_compile_definitions(${name} PRIVATE BLIP_CAPTION_LENGTHS="${PROJECT_SOURCE_DIR}/bench/peers/caption_lengths.txt")
  target_link_libraries(${name} PRIVATE blip_development ${arg_LIBRARIES})
endfunction()
