# SPDX-License-Identifier: Apache-2.0
#
# Hostile input. The sources in tests/fuzz are targets, which attack one reader each. test_hostile runs all of them on
# the inputs in tests/fuzz/corpus and on damaged copies; with BLIP_FUZZ and clang, blip_fuzz is libFuzzer's program of the
# same targets. tests/fuzz/run.sh configures, builds and runs both under sanitizers.
option(BLIP_FUZZ "Build blip_fuzz, libFuzzer's program (clang)" OFF)

function(blip_hostile_programs)
  file(GLOB targets CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/fuzz/*.cpp")
  list(FILTER targets EXCLUDE REGEX "/(libfuzzer_entry|make_seeds|hostile_test)\\.cpp$")
  set(libraries blip::data blip::text blip::images blip::webdataset)

  add_executable(test_hostile ${targets} "${PROJECT_SOURCE_DIR}/tests/fuzz/hostile_test.cpp")
  target_link_libraries(test_hostile PRIVATE blip_catch_main ${libraries})
  target_compile_definitions(test_hostile PRIVATE BLIP_FUZZ_CORPUS="${PROJECT_SOURCE_DIR}/tests/fuzz/corpus")
  blip_register_test(test_hostile)
  if(BLIP_SANITIZE)  # ten times slower
    set_property(TEST test_hostile APPEND PROPERTY ENVIRONMENT BLIP_MUTATIONS=200)
  endif()

  add_executable(make_seeds EXCLUDE_FROM_ALL "${PROJECT_SOURCE_DIR}/tests/fuzz/make_seeds.cpp")
  target_include_directories(make_seeds PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(make_seeds PRIVATE blip_development ${libraries})

  if(BLIP_FUZZ)
    add_executable(blip_fuzz EXCLUDE_FROM_ALL ${targets} "${PROJECT_SOURCE_DIR}/tests/fuzz/libfuzzer_entry.cpp")
    target_include_directories(blip_fuzz PRIVATE "${PROJECT_SOURCE_DIR}/tests")
    target_link_libraries(blip_fuzz PRIVATE blip_development ${libraries})
    target_compile_options(blip_fuzz PRIVATE -fsanitize=fuzzer)
    target_link_options(blip_fuzz PRIVATE -fsanitize=fuzzer)
  endif()
endfunction()
