# SPDX-License-Identifier: Apache-2.0
#
# Must-not-compile cases in ok/ko pairs: each tests/misuse/*.cpp compiles as it is, and with -DBLIP_MISUSE fails with the
# sentence of its first line in the first line that holds `error`.
file(GLOB blip_misuse_cases CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/misuse/*.cpp")
find_program(BLIP_GXX NAMES g++)
find_program(BLIP_CLANGXX NAMES clang++)
mark_as_advanced(BLIP_GXX BLIP_CLANGXX)
get_target_property(blip_eigen_includes Eigen3::Eigen INTERFACE_INCLUDE_DIRECTORIES)
foreach(compiler IN ITEMS ${BLIP_GXX} ${BLIP_CLANGXX})
  get_filename_component(compiler_name ${compiler} NAME)
  foreach(case IN LISTS blip_misuse_cases)
    get_filename_component(name ${case} NAME_WE)
    add_test(NAME misuse_${name}_${compiler_name} COMMAND bash "${PROJECT_SOURCE_DIR}/tests/misuse/check.sh" "${case}"
      ${compiler} -std=c++20 -fsyntax-only -I "${PROJECT_SOURCE_DIR}/include" -isystem ${blip_eigen_includes})
    set_tests_properties(misuse_${name}_${compiler_name} PROPERTIES LABELS misuse)
  endforeach()
endforeach()
