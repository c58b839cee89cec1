# SPDX-License-Identifier: Apache-2.0
#
# Must-not-compile cases in ok/ko pairs: each tests/misuse/*.cpp compiles as it is, and with -DBLIP_MISUSE fails with the
# sentence of its first line in the first line that holds `error`. The correct forms are compiled together, each in a
# namespace of its own.
file(GLOB blip_misuse_cases CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/misuse/*.cpp")
find_program(BLIP_GXX NAMES g++)
find_program(BLIP_CLANGXX NAMES clang++)
mark_as_advanced(BLIP_GXX BLIP_CLANGXX)
get_target_property(blip_eigen_includes Eigen3::Eigen INTERFACE_INCLUDE_DIRECTORIES)

set(includes "")
set(cases "")
foreach(case IN LISTS blip_misuse_cases)
  file(STRINGS "${case}" lines REGEX "^#include")
  list(APPEND includes ${lines})
  get_filename_component(name ${case} NAME_WE)
  string(APPEND cases "namespace ${name} {\n#include \"${case}\"\n}\n")
endforeach()
list(REMOVE_DUPLICATES includes)
list(JOIN includes "\n" includes)
set(blip_correct_forms "${CMAKE_CURRENT_BINARY_DIR}/misuse_correct_forms.cpp")
file(CONFIGURE OUTPUT "${blip_correct_forms}" CONTENT "${includes}\n${cases}" @ONLY)

foreach(compiler IN ITEMS ${BLIP_GXX} ${BLIP_CLANGXX})
  get_filename_component(compiler_name ${compiler} NAME)
  set(compile ${compiler} -std=c++20 -fsyntax-only -I "${PROJECT_SOURCE_DIR}/include" -I "${PROJECT_SOURCE_DIR}/tests/misuse"
    -isystem ${blip_eigen_includes})
  add_test(NAME misuse_correct_forms_${compiler_name} COMMAND ${compile} "${blip_correct_forms}")
  set_tests_properties(misuse_correct_forms_${compiler_name} PROPERTIES LABELS misuse)
  foreach(case IN LISTS blip_misuse_cases)
    get_filename_component(name ${case} NAME_WE)
    add_test(NAME misuse_${name}_${compiler_name} COMMAND bash "${PROJECT_SOURCE_DIR}/tests/misuse/check.sh" "${case}" ${compile})
    set_tests_properties(misuse_${name}_${compiler_name} PROPERTIES LABELS misuse)
  endforeach()
endforeach()
